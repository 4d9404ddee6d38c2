//! Where a telephone number belongs: province, city, area code and kind.

mod plan;

use serde::{Deserialize, Serialize};

pub use plan::{NumberPlan, PhoneDatError};

/// Where a telephone number belongs. Unknown parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// What kind of number it is.
    pub kind: NumberKind,
    /// 区号 with its leading zero, for example `010`.
    pub area_code: String,
    /// Province, for example `北京`.
    pub province: String,
    /// City, for example `北京`.
    pub city: String,
}

/// Kinds of number (`customerNumberType`, and the type field of `billCalls`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumberKind {
    /// A Chinese mobile: `mobile`, `mobileInternal`.
    Mobile,
    /// A Chinese landline with area code: `fixed`, `fixedInternal`.
    Fixed,
    /// A SIP phone of the account: `sip`.
    Sip,
    /// Anything else: `unknown`.
    #[default]
    Unknown,
}
