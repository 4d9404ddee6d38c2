//! What the binary does: serve, demo, lab. Joins the parts and reads top to bottom.
