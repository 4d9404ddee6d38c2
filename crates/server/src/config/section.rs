//! Reads one table of the file key by key and reports, rather than stops at, each mistake.

use std::num::IntErrorKind;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{At, Report, Span};
use super::values::Wrong;

/// A table of the file. Whoever reads it asks for every key it may hold, then calls [`Section::finish`].
pub(super) struct Section<'t> {
    /// As it is written in the file: `[server]`, `[[account]]`.
    title: &'static str,
    table: Option<&'t DeTable<'t>>,
    span: Span,
    asked: Vec<&'static str>,
    report: &'t Report<'t>,
}

impl<'t> Section<'t> {
    /// The whole file.
    pub(super) fn root(table: &'t Spanned<DeTable<'t>>, report: &'t Report<'t>) -> Section<'t> {
        Section { title: "the file", table: Some(table.get_ref()), span: 0..0, asked: Vec::new(), report }
    }

    /// Where the table begins.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// To which mistakes are told.
    pub(super) fn report(&self) -> &'t Report<'t> {
        self.report
    }

    /// The table `key`; an absent one reads like an empty one.
    pub(super) fn section(&mut self, key: &'static str, title: &'static str) -> Section<'t> {
        let mut section =
            Section { title, table: None, span: self.span.clone(), asked: Vec::new(), report: self.report };
        let Some(value) = self.value(key) else { return section };
        section.span = value.span();
        match value.get_ref() {
            DeValue::Table(table) => section.table = Some(table),
            other => self.report.wrong(
                &value.span(),
                format!("\"{key}\" must be a table, not {}", kind(other)),
                format!("begin it with {title}"),
            ),
        }
        section
    }

    /// The tables `[[key]]`, at most `count_max`.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        title: &'static str,
        count_max: usize,
    ) -> Vec<Section<'t>> {
        let Some((array, span)) = self.array(key, format!("begin each one with {title}")) else {
            return Vec::new();
        };
        self.check_count(title, array.len(), count_max, &span);
        let mut sections = Vec::new();
        for value in array.iter() {
            match value.get_ref() {
                DeValue::Table(table) => sections.push(Section {
                    title,
                    table: Some(table),
                    span: value.span(),
                    asked: Vec::new(),
                    report: self.report,
                }),
                other => self.report.wrong(
                    &value.span(),
                    format!("\"{key}\" must hold tables, not {}", kind(other)),
                    format!("begin each one with {title}"),
                ),
            }
        }
        sections
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<At<&'t str>> {
        let value = self.value(key)?;
        self.text_of(key, value)
    }

    /// A text that `read` understands.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        self.parse(key, text, read)
    }

    /// A list of texts that `read` understands, at most `count_max`.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        count_max: usize,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Vec<At<T>> {
        let Some((array, span)) = self.array(key, format!("write {key} = [\"…\", \"…\"]")) else {
            return Vec::new();
        };
        self.check_count(&format!("\"{key}\""), array.len(), count_max, &span);
        let mut list = Vec::new();
        for value in array.iter() {
            list.extend(self.text_of(key, value).and_then(|text| self.parse(key, text, &read)));
        }
        list
    }

    /// One text that `read` understands, or a list of them like [`Section::list`].
    pub(super) fn one_or_more<T>(
        &mut self,
        key: &'static str,
        count_max: usize,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Vec<At<T>> {
        let given = self.table.and_then(|table| table.get(key));
        match given.map(|value| value.get_ref()) {
            Some(DeValue::Array(_)) => self.list(key, count_max, read),
            Some(_) | None => self.parsed(key, read).into_iter().collect(),
        }
    }

    /// Like [`Section::list`], but the file must give at least one.
    pub(super) fn filled_list<T>(
        &mut self,
        key: &'static str,
        count_max: usize,
        read: impl Fn(&str) -> Result<T, Wrong>,
        remedy: &str,
    ) -> Vec<At<T>> {
        let list = self.list(key, count_max, read);
        let given = self.table.and_then(|table| table.get(key));
        match given.map(|value| (value.get_ref(), value.span())) {
            None => self.report.if_readable(&self.span, format!("{} lacks \"{key}\"", self.title), remedy),
            Some((DeValue::Array(array), span)) if array.is_empty() => {
                self.report.wrong(&span, format!("\"{key}\" must not be empty"), remedy);
            }
            Some(_) => {}
        }
        list
    }

    /// A whole number within `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<At<u64>> {
        let value = self.value(key)?;
        let span = value.span();
        let remedy = format!("write a number from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = value.get_ref() else {
            let message = format!("\"{key}\" must be a whole number, not {}", kind(value.get_ref()));
            self.report.wrong(&span, message, remedy);
            return None;
        };
        let number = match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => number,
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => u64::MAX,
            Err(_) => {
                self.report.wrong(&span, format!("\"{key}\" must not be {integer}"), remedy);
                return None;
            }
        };
        if !range.contains(&number) {
            self.report.wrong(&span, format!("\"{key}\" must not be {integer}"), remedy);
            return None;
        }
        Some(At { value: number, span })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        let message = format!("\"{key}\" must be true or false, not {}", kind(value.get_ref()));
        self.report.wrong(&value.span(), message, format!("write {key} = {default}"));
        default
    }

    /// One of `names`, or the default of `T`.
    pub(super) fn choice<T: Copy + Default>(&mut self, key: &'static str, names: &[(&'static str, T)]) -> T {
        let Some(text) = self.text(key) else { return T::default() };
        if let Some((_, value)) = names.iter().find(|(name, _)| *name == text.value) {
            return *value;
        }
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let message = format!("\"{key}\" knows no \"{}\"", text.value);
        self.report.wrong(&text.span, message, suggest(text.value, &names));
        T::default()
    }

    /// `value`, or, when the file has none (and not merely a wrong one), the mistake that it lacks `key`.
    pub(super) fn required<T>(&self, key: &'static str, value: Option<T>, remedy: &str) -> Option<T> {
        if value.is_none() && !self.has(key) {
            self.report.if_readable(&self.span, format!("{} lacks \"{key}\"", self.title), remedy);
        }
        value
    }

    /// Whether the file gives `key`, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reports the keys nobody asked for.
    pub(super) fn finish(self) {
        self.report.knows(self.title, &self.asked);
        let given = self.table.into_iter().flat_map(|table| table.keys());
        for key in given.filter(|key| !self.asked.contains(&key.get_ref().as_ref())) {
            let message = format!("{} has no key \"{}\"", self.title, key.get_ref());
            self.report.if_readable(&key.span(), message, suggest(key.get_ref(), &self.asked));
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table?.get(key)
    }

    fn array(&mut self, key: &'static str, remedy: String) -> Option<(&'t DeArray<'t>, Span)> {
        let value = self.value(key)?;
        if let DeValue::Array(array) = value.get_ref() {
            return Some((array, value.span()));
        }
        let message = format!("\"{key}\" must be a list, not {}", kind(value.get_ref()));
        self.report.wrong(&value.span(), message, remedy);
        None
    }

    fn text_of(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<At<&'t str>> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(At { value: text, span: value.span() });
        }
        let message = format!("\"{key}\" must be a text, not {}", kind(value.get_ref()));
        self.report.wrong(&value.span(), message, "write it in double quotes");
        None
    }

    fn parse<T>(&self, key: &str, text: At<&str>, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<At<T>> {
        match read(text.value) {
            Ok(value) => Some(At { value, span: text.span }),
            Err(wrong) => {
                let message = format!("\"{key}\" is not {}: \"{}\"", wrong.expected, text.value);
                self.report.wrong(&text.span, message, wrong.remedy);
                None
            }
        }
    }

    fn check_count(&self, what: &str, count: usize, count_max: usize, span: &Span) {
        if count > count_max {
            let message = format!("{count} of {what} are more than the limit of {count_max}");
            self.report.wrong(span, message, format!("leave at most {count_max}"));
        }
    }
}

/// "did you mean …?" when one of `known` is close, else all of them.
pub(super) fn suggest(given: &str, known: &[&str]) -> String {
    let distance = |name: &str| strsim::damerau_levenshtein(&given.to_lowercase(), name);
    let nearest = known.iter().min_by_key(|name| distance(name));
    match nearest {
        Some(name) if distance(name) <= 1 + name.len() / 4 => format!("did you mean \"{name}\"?"),
        Some(_) => format!(
            "known are {}",
            known.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
        ),
        None => "remove it".to_owned(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
