//! Style as a test: what STYLE.md says and a program can see.

use std::path::Path;
use std::process::{Command, ExitCode};

/// "Files that fit a sitting."
const FILE_LINES_MAX: usize = 650;
/// "Functions that fit a screen."
const FUNCTION_LINES_MAX: usize = 80;

/// Which crates each crate may depend on inside the workspace: the arrows of ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("sip", &["base"]),
    ("media", &["base"]),
    ("callcenter", &["base"]),
    ("switch", &["base", "sip", "media", "callcenter"]),
    ("lab", &["base", "sip", "media"]),
    ("sim", &["base", "sip", "media", "callcenter", "switch", "lab"]),
    ("server", &["base", "sip", "media", "callcenter", "switch", "lab"]),
    ("checks", &["base", "sip", "media"]),
    ("xtask", &["sim"]),
];

/// Words that must not stand in Rust code, each with what to write instead. Built from halves, so that this table does
/// not find itself.
const BANNED: &[(&str, &str, &str)] = &[
    ("to", "do!(", "build it, or leave it out and say so in the documents"),
    ("unimple", "mented!(", "build it, or leave it out and say so in the documents"),
    ("FIX", "ME", "fix it"),
    ("XX", "X:", "say what is meant, or fix it"),
    ("HA", "CK", "say why it is right, or do it right"),
    ("for ", "now,", "say what decides, not when"),
    ("thread::", "sleep(", "wait for an event with a deadline; name a timer"),
    ("struct Ses", "sion {", "no session object: leg, dialog, call, stream"),
];

/// Files in which a thread may sleep: generators of benchmarks, and threads that have nothing else to do: the writer between
/// two attempts to commit, small commands that leave a disk to others or wait for another process.
const MAY_SLEEP: &[&str] = &[
    "benches/",
    "crates/server/src/store/writer.rs",
    "crates/server/src/store/backup.rs",
    "crates/server/src/cli/reload.rs",
];

pub(crate) fn run() -> ExitCode {
    let mut faults = Vec::new();
    arrows(&mut faults);
    for file in tracked_files() {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        everywhere(&file, &text, &mut faults);
        if file.ends_with(".rs") {
            lengths(&file, &text, &mut faults);
            words(&file, &text, &mut faults);
        }
    }
    for name in ["run", "test", ".ci/run"] {
        if !Path::new(name).exists() {
            faults.push(format!("{name}: missing"));
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => ExitCode::SUCCESS,
        n => {
            println!("tidy: {n} faults");
            ExitCode::FAILURE
        }
    }
}

fn tracked_files() -> Vec<String> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("tidy runs inside a git checkout");
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

fn arrows(faults: &mut Vec<String>) {
    let names: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in ARROWS {
        let path = match *name {
            "xtask" => "xtask/Cargo.toml".to_owned(),
            "checks" => "fuzz/checks/Cargo.toml".to_owned(),
            name => format!("crates/{name}/Cargo.toml"),
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let Ok(manifest) = text.parse::<toml::Table>() else {
            faults.push(format!("{path}: missing or not TOML"));
            continue;
        };
        let Some(dependencies) = manifest.get("dependencies").and_then(toml::Value::as_table) else {
            continue;
        };
        for dependency in dependencies.keys().filter(|d| names.contains(&d.as_str())) {
            if !allowed.contains(&dependency.as_str()) {
                faults.push(format!(
                    "{path}: {name} must not depend on {dependency} (ARCHITECTURE.md, arrows)"
                ));
            }
        }
    }
}

fn everywhere(file: &str, text: &str, faults: &mut Vec<String>) {
    let machine = ["/wo", "rk/"].concat();
    let exempt = file.ends_with(".dat") || file.ends_with(".lock") || file.ends_with(".snap");
    for (number, line) in text.lines().enumerate() {
        let at = number + 1;
        if line.contains(&machine) && !exempt && !line.contains("net/work") && !line.contains("frame/work") {
            faults.push(format!("{file}:{at}: a path of a machine"));
        }
        if file.ends_with("package-lock.json") && line.contains("\"resolved\": \"http") {
            faults.push(format!("{file}:{at}: a download address; see .npmrc"));
        }
    }
}

fn words(file: &str, text: &str, faults: &mut Vec<String>) {
    let may_sleep = MAY_SLEEP.iter().any(|part| file.contains(part));
    for (number, line) in text.lines().enumerate() {
        for (head, tail, instead) in BANNED {
            let word = [*head, *tail].concat();
            if line.contains(&word) && !(may_sleep && word.contains("sleep")) {
                faults.push(format!("{file}:{}: \"{word}\": {instead}", number + 1));
            }
        }
    }
}

fn lengths(file: &str, text: &str, faults: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES_MAX {
        faults.push(format!("{file}: {} lines, {FILE_LINES_MAX} is the most: cut it by entity", lines.len()));
    }
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let close = format!("{indent}}}");
        // rustfmt puts the closing brace alone at the indentation of the `fn`.
        let Some(length) = lines[start..].iter().position(|l| {
            *l == close || l.ends_with(';') && l.starts_with(indent) && !l[indent.len()..].starts_with(' ')
        }) else {
            continue;
        };
        if length + 1 > FUNCTION_LINES_MAX {
            let at = start + 1;
            faults.push(format!(
                "{file}:{at}: fn {name} has {} lines, {FUNCTION_LINES_MAX} is the most",
                length + 1
            ));
        }
    }
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if rest.ends_with('}') || rest.ends_with(';') {
        return None;
    }
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}
