//! The call API's spellings and numbers, and nowhere else: pure functions between JSON and the words of `callcenter`.

use serde_json::{Map, Value};

pub mod auth;
pub mod codes;
pub mod envelope;
mod extras;
mod fields;
pub mod limits;
pub mod openapi;
pub mod push;
pub mod query;
pub mod record;
pub mod request;
pub mod time;
pub mod verb;
mod words;

/// One object with the fields of all `parts`, in order; a later value of a field wins, in the earlier place.
fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let mut all = Map::new();
    for part in parts {
        let Value::Object(fields) = part else { unreachable!("every part is written as an object") };
        all.extend(fields);
    }
    Value::Object(all)
}
