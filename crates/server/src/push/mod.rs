//! Delivery of pushes (contract §7).

pub mod limits;
