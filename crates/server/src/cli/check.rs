//! `cordboard check`.

use std::io::Write;
use std::process::ExitCode;

use super::args::CheckArgs;
use crate::config::{Config, Problems, number_plan};
use crate::sound::MusicFiles;

/// Prints every mistake, or what the file describes. Ends with 1 when there is a mistake.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut config = match Config::load(&args.file) {
        Ok(config) => config,
        Err(error) => match error.downcast::<Problems>() {
            Ok(problems) => {
                writeln!(out, "{problems}")?;
                return Ok(ExitCode::FAILURE);
            }
            Err(error) => return Err(error),
        },
    };
    number_plan(config.server.number_data.as_deref())?;
    MusicFiles::read(&config)?;
    let wanted = config.wants_mp3();
    if config.find_encoder().is_none() && wanted {
        writeln!(
            out,
            "{}: recordings become WAV and not mp3: there is no {} (recording_encoder; Debian has the package lame)",
            args.file.display(),
            config.server.recordings.encoder.display()
        )?;
    }
    let agents: usize = config.accounts.iter().map(|account| account.agents.len()).sum();
    let (accounts, trunks) = (config.accounts.len(), config.trunks.len());
    writeln!(
        out,
        "{}: no mistakes; accounts: {accounts}, agents: {agents}, trunks: {trunks}",
        args.file.display()
    )?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn checked(file: &Path) -> (bool, String) {
        let mut out = Vec::new();
        let code = run(&CheckArgs { file: file.to_owned() }, &mut out).expect("the file can be read");
        (code == ExitCode::SUCCESS, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_good_file_is_described_and_a_bad_one_explained() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("cordboard.toml");
        fs::write(&file, "[[account]]\nid = 2000103\nsecrets = [\"0123456789abcdef\"]\n").expect("writes");
        let (good, said) = checked(&file);
        assert!(
            good && said.ends_with("cordboard.toml: no mistakes; accounts: 1, agents: 0, trunks: 0\n"),
            "{said}"
        );
        fs::write(&file, "[[account]]\nid = 2000103\nsecrets = [\"short\"]\n").expect("writes");
        let (good, said) = checked(&file);
        assert!(!good && said.contains("cordboard.toml:3:12: \"secrets\" must have"), "{said}");
        assert!(said.ends_with("\n1 mistake\n"), "{said}");
    }

    #[test]
    fn an_absent_encoder_is_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("cordboard.toml");
        let text = "[server]\nrecording_encoder = \"bin/none\"\n[[account]]\nid = 2000103\nsecrets = [\"0123456789abcdef\"]\n";
        fs::write(&file, text).expect("writes");
        let (good, said) = checked(&file);
        assert!(good && said.contains("recordings become WAV and not mp3: there is no "), "{said}");
        assert!(said.contains("/bin/none (recording_encoder"), "{said}");
        fs::write(&file, format!("{text}recording_format = \"wav\"\n")).expect("writes");
        let (good, said) = checked(&file);
        assert!(good && !said.contains("recordings become"), "{said}");
    }

    #[test]
    fn an_absent_file_is_an_error_that_names_it() {
        let args = CheckArgs { file: "no/such/cordboard.toml".into() };
        let error = run(&args, &mut Vec::new()).expect_err("there is none");
        assert_eq!(error.to_string(), "cannot read no/such/cordboard.toml");
    }
}
