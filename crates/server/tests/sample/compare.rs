//! Compares what we send with what the document shows, field by field, against the committed list of differences.
//!
//! A difference is complained about when it is not listed, or is not as listed; an entry when it does not occur.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// `differences.json`.
pub(crate) struct List {
    entries: Vec<Entry>,
}

/// Differences of some samples that have one reason.
struct Entry {
    samples: Vec<String>,
    reason: String,
    /// By field (`content.agentName` is inside `content`): what we send and what the document shows.
    fields: Vec<(String, Listed)>,
    /// Fields that stand in another place among the others.
    moved: Vec<String>,
}

/// What is expected on each side; `None`: the field is not there.
struct Listed {
    ours: Option<Value>,
    theirs: Option<Value>,
}

impl List {
    pub(crate) fn read(text: &str) -> List {
        let all: Value = serde_json::from_str(text).expect("the list of differences is JSON");
        List { entries: objects(&all["differences"]).map(Entry::read).collect() }
    }

    /// The samples that entries are about.
    pub(crate) fn samples(&self) -> BTreeSet<&str> {
        self.entries.iter().flat_map(|entry| &entry.samples).map(String::as_str).collect()
    }

    /// Everything that is not as the sample `name` shows it and the list allows it.
    pub(crate) fn complaints(&self, name: &str, ours: &Value, theirs: &Value) -> Vec<String> {
        let (ours, theirs) = (Fields::of(ours), Fields::of(theirs));
        let mut complaints = Vec::new();
        let mut listed = BTreeSet::new();
        for entry in self.about(name) {
            for (field, expected) in &entry.fields {
                if !listed.insert(field.as_str()) {
                    complaints.push(format!("{name}.{field} is listed twice"));
                }
                let (ours, theirs) = (ours.get(field), theirs.get(field));
                if ours == theirs {
                    complaints.push(format!("{name}.{field} does not differ: strike it from the list"));
                }
                for (side, expected, found) in
                    [("ours", &expected.ours, ours), ("the document's", &expected.theirs, theirs)]
                {
                    if !fits(expected.as_ref(), found) {
                        let (expected, found) = (show(expected.as_ref()), show(found));
                        complaints
                            .push(format!("{name}.{field}: {side} is listed as {expected}, but is {found}"));
                    }
                }
            }
        }
        for field in ours.names().chain(theirs.names().filter(|field| ours.get(field).is_none())) {
            let (ours, theirs) = (ours.get(field), theirs.get(field));
            if ours != theirs && !listed.contains(field) {
                let (ours, theirs) = (show(ours), show(theirs));
                complaints.push(format!(
                    "{name}.{field}: ours is {ours}, the document's {theirs}, and no entry says why"
                ));
            }
        }
        complaints.extend(self.misplaced(name, &ours, &theirs));
        complaints
    }

    /// The fields that both have must come in the same order, but for those listed as moved.
    fn misplaced(&self, name: &str, ours: &Fields, theirs: &Fields) -> Vec<String> {
        let moved: Vec<&str> = self.about(name).flat_map(|entry| &entry.moved).map(String::as_str).collect();
        let mut complaints = Vec::new();
        if let Some((here, there)) = ours.first_out_of_order(theirs, &moved) {
            complaints.push(format!(
                "{name}: where the document has {there}, we have {here}, and no entry says why"
            ));
        }
        for back in &moved {
            let others: Vec<&str> = moved.iter().filter(|field| *field != back).copied().collect();
            if ours.first_out_of_order(theirs, &others).is_none() {
                complaints.push(format!("{name}.{back} has not moved: strike it from the list"));
            }
        }
        complaints
    }

    fn about(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.samples.iter().any(|sample| sample == name))
    }
}

impl Entry {
    fn read(entry: &Map<String, Value>) -> Entry {
        let known = ["samples", "reason", "fields", "moved"];
        assert!(entry.keys().all(|key| known.contains(&key.as_str())), "an entry has {known:?}: {entry:?}");
        let none = Map::new();
        let fields = entry.get("fields").map_or(&none, |fields| fields.as_object().expect("fields by name"));
        let read = Entry {
            samples: texts(&entry["samples"]),
            reason: entry["reason"].as_str().expect("a reason is a text").to_owned(),
            fields: fields.iter().map(|(name, both)| (name.clone(), Listed::read(both))).collect(),
            moved: entry.get("moved").map(texts).unwrap_or_default(),
        };
        assert!(read.reason.len() > 10, "an entry says why: {entry:?}");
        assert!(!read.samples.is_empty() && (read.fields.len() + read.moved.len() > 0), "of what? {entry:?}");
        read
    }
}

impl Listed {
    fn read(both: &Value) -> Listed {
        let both = both.as_object().expect("what is ours and what is theirs");
        assert!(both.keys().all(|side| ["ours", "theirs"].contains(&side.as_str())), "{both:?}");
        Listed { ours: both.get("ours").cloned(), theirs: both.get("theirs").cloned() }
    }
}

/// The fields of an object, those of inner objects by their path, in order.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn of(object: &Value) -> Fields {
        let mut all = Vec::new();
        flatten("", object, &mut all);
        Fields(all)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn first_out_of_order<'a>(&'a self, other: &'a Fields, moved: &[&str]) -> Option<(&'a str, &'a str)> {
        let shared = |of: &'a Fields, with: &'a Fields| {
            of.names().filter(|name| with.get(name).is_some() && !moved.contains(name)).collect::<Vec<_>>()
        };
        shared(self, other).into_iter().zip(shared(other, self)).find(|(here, there)| here != there)
    }
}

fn flatten(path: &str, object: &Value, all: &mut Vec<(String, Value)>) {
    for (name, value) in object.as_object().expect("an object") {
        match value {
            Value::Object(_) => flatten(&format!("{path}{name}."), value, all),
            other => all.push((format!("{path}{name}"), other.clone())),
        }
    }
}

/// Whether a value is as expected. A text may hold `<uuid>` and `<32 hex>`; `<number>` is any number.
fn fits(expected: Option<&Value>, found: Option<&Value>) -> bool {
    match (expected, found) {
        (Some(Value::String(shape)), Some(found)) if shape == "<number>" => found.is_number(),
        (Some(Value::String(pattern)), Some(Value::String(text))) => fits_pattern(pattern, text),
        (expected, found) => expected == found,
    }
}

fn fits_pattern(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else { return pattern == text };
    let (shape, after) = rest.split_once('>').expect("a shape ends with >");
    let is_hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let Some(text) = text.strip_prefix(before) else { return false };
    let len = match shape {
        "32 hex" => 32,
        "uuid" => 36,
        other => panic!("{other} is no shape"),
    };
    let Some((part, rest)) = text.split_at_checked(len) else { return false };
    let is_good = match shape {
        "32 hex" => is_hex(part),
        _ => part.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && part.split('-').all(is_hex),
    };
    is_good && fits_pattern(after, rest)
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), Value::to_string)
}

fn objects(list: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    list.as_array().expect("a list").iter().map(|one| one.as_object().expect("of objects"))
}

fn texts(list: &Value) -> Vec<String> {
    let text = |one: &Value| one.as_str().expect("of texts").to_owned();
    list.as_array().expect("a list").iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaints(entry: &Value, ours: &Value, theirs: &Value) -> Vec<String> {
        List::read(&json!({ "differences": entry }).to_string()).complaints("it", ours, theirs)
    }

    #[test]
    fn what_is_not_listed_is_complained_about() {
        let none = json!([]);
        assert_eq!(
            complaints(&none, &json!({"a": 1, "b": {"c": ""}}), &json!({"a": 1, "b": {"c": ""}})),
            [""; 0]
        );
        for (ours, theirs, complaint) in [
            (
                json!({"a": 1}),
                json!({"a": "1"}),
                "it.a: ours is 1, the document's \"1\", and no entry says why",
            ),
            (json!({"a": 1}), json!({}), "it.a: ours is 1, the document's absent, and no entry says why"),
            (json!({}), json!({"a": 1}), "it.a: ours is absent, the document's 1, and no entry says why"),
            (
                json!({"b": {"c": 1}}),
                json!({"b": {"c": 2}}),
                "it.b.c: ours is 1, the document's 2, and no entry says why",
            ),
            (
                json!({"a": 1, "b": 2}),
                json!({"b": 2, "a": 1}),
                "it: where the document has b, we have a, and no entry says why",
            ),
        ] {
            assert_eq!(complaints(&none, &ours, &theirs), [complaint]);
        }
    }

    #[test]
    fn an_entry_that_does_not_occur_is_complained_about() {
        let both = json!({"a": "x", "b": 1});
        let listed = |fields: Value| json!([{"samples": ["it"], "reason": "to be tried", "fields": fields}]);
        assert_eq!(
            complaints(&listed(json!({"a": {"ours": "x", "theirs": "x"}})), &both, &both),
            ["it.a does not differ: strike it from the list"]
        );
        assert_eq!(
            complaints(
                &listed(json!({"a": {"ours": "y", "theirs": "z"}})),
                &both,
                &json!({"a": "z", "b": 1})
            ),
            ["it.a: ours is listed as \"y\", but is \"x\""]
        );
        assert_eq!(
            complaints(&listed(json!({"c": {"theirs": 1}})), &both, &both),
            [
                "it.c does not differ: strike it from the list",
                "it.c: the document's is listed as 1, but is absent"
            ]
        );
        let moved = json!([{"samples": ["it"], "reason": "to be tried", "moved": ["a"]}]);
        assert_eq!(complaints(&moved, &both, &both), ["it.a has not moved: strike it from the list"]);
        assert_eq!(complaints(&moved, &both, &json!({"b": 1, "a": "x"})), [""; 0]);
    }

    #[test]
    fn shapes_are_looked_at_digit_by_digit() {
        let hex = "0123456789abcdef0123456789abcdef";
        assert!(fits_pattern("a/<32 hex>/b", &format!("a/{hex}/b")));
        assert!(!fits_pattern("a/<32 hex>/b", &format!("a/{}/b", hex.to_uppercase())));
        assert!(!fits_pattern("<32 hex>", &hex[1..]));
        assert!(fits_pattern("<uuid>", "635be250-10e9-4c60-93f7-32479dfe85e1"));
        assert!(!fits_pattern("<uuid>", "635be25010e9-4c60-93f7-32479dfe85e1-"));
        assert!(fits(Some(&json!("<number>")), Some(&json!(3))));
        assert!(!fits(Some(&json!("<number>")), Some(&json!("3"))));
    }
}
