use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::limits;

/// Bytes of the file.
pub(super) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    help: {}", self.line, self.column, self.message, self.remedy)
    }
}

/// Every mistake of a configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// Name of the file, as it was given.
    pub file: String,
    /// At least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.list.iter().take(limits::PROBLEMS_SHOWN_MAX) {
            writeln!(f, "{}:{problem}", self.file)?;
        }
        match self.list.len() {
            1 => f.write_str("1 mistake"),
            n if n > limits::PROBLEMS_SHOWN_MAX => {
                write!(f, "{n} mistakes, of which the first {} are shown", limits::PROBLEMS_SHOWN_MAX)
            }
            n => write!(f, "{n} mistakes"),
        }
    }
}

impl std::error::Error for Problems {}

/// Gathers mistakes while a file is read.
pub(super) struct Report<'t> {
    text: &'t str,
    environment: &'t dyn Fn(&str) -> Option<String>,
    found: RefCell<Vec<Problem>>,
    incomplete: Cell<bool>,
    keys: RefCell<BTreeSet<(&'static str, &'static str)>>,
}

impl<'t> Report<'t> {
    /// For the file `text`, whose secrets may be in `environment`.
    pub(super) fn new(text: &'t str, environment: &'t dyn Fn(&str) -> Option<String>) -> Report<'t> {
        Report {
            text,
            environment,
            found: RefCell::default(),
            incomplete: Cell::new(false),
            keys: RefCell::default(),
        }
    }

    /// What stands at `span` is wrong.
    pub(super) fn wrong(&self, span: &Span, message: impl Into<String>, remedy: impl Into<String>) {
        let (line, column) = self.position(span);
        let problem = Problem { line, column, message: message.into(), remedy: remedy.into() };
        self.found.borrow_mut().push(problem);
    }

    /// Something lacks or is too much: wrong, unless a part of the file could not be read, which may explain it.
    pub(super) fn if_readable(&self, span: &Span, message: impl Into<String>, remedy: impl Into<String>) {
        if !self.incomplete.get() {
            self.wrong(span, message, remedy);
        }
    }

    /// A part of the file could not be read.
    pub(super) fn unreadable(&self, span: &Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.incomplete.set(true);
        self.wrong(span, message, remedy);
    }

    /// Line and column, from 1, of the beginning of `span`.
    pub(super) fn position(&self, span: &Span) -> (usize, usize) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        (line, column)
    }

    /// A variable of the environment.
    pub(super) fn environment(&self, name: &str) -> Option<String> {
        (self.environment)(name)
    }

    /// Remembers that the table `title` may hold `key`.
    pub(super) fn knows(&self, title: &'static str, keys: &[&'static str]) {
        self.keys.borrow_mut().extend(keys.iter().map(|key| (title, *key)));
    }

    /// Every table and key that was asked for.
    #[cfg(test)]
    pub(super) fn known(&self) -> BTreeSet<(&'static str, &'static str)> {
        self.keys.borrow().clone()
    }

    /// All mistakes, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        found
    }
}
