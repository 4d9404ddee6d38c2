//! `cordboard backup`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use super::args::BackupArgs;
use crate::config::Config;
use crate::store::{Copied, back_up};

/// Folders of the data directory that hold recordings: their raw tracks first, since those become files and go.
const RECORDINGS: [&str; 2] = ["recording-tracks", "recordings"];
/// Files that are being written have this ending until they are whole.
const PART: &str = "part";

/// Makes the backup. It gets its name when it is whole, and never replaces anything.
pub(super) fn run(args: &BackupArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = Config::load_without_secrets(&args.config)?;
    let target = &args.target;
    if target.symlink_metadata().is_ok() {
        bail!("{} is there already: name a folder that is to be made", target.display());
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new()
        .prefix(".cordboard-backup-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write to {}", parent.display()))?;
    let (copied, files) = fill(&config, args, unfinished.path())?;
    sync(unfinished.path())?;
    renameat_with(CWD, unfinished.path(), CWD, target, RenameFlags::NOREPLACE)
        .with_context(|| format!("the backup is whole, but cannot be named {}", target.display()))?;
    // It has another name now: nothing is left to delete.
    let _ = unfinished.keep();
    sync(parent)?;
    let recordings = match args.recordings {
        true => "recordings copied",
        false => "recordings listed, not copied",
    };
    writeln!(
        out,
        "{}: whole; log up to {}, records: {}, store: {} kB, {recordings}: {} ({} kB)",
        target.display(),
        copied.through,
        copied.records,
        copied.bytes / 1000,
        files.count,
        files.bytes / 1000,
    )?;
    Ok(())
}

/// What there was of recordings.
#[derive(Default)]
struct Files {
    count: u64,
    bytes: u64,
}

fn fill(config: &Config, args: &BackupArgs, folder: &Path) -> anyhow::Result<(Copied, Files)> {
    let data = folder.join("data");
    DirBuilder::new().mode(0o700).create(&data)?;
    let began = Timestamp::now();
    let copied = back_up(&config.server.data_dir, &data)?;
    let mut list = private(&folder.join("recordings.txt"))?;
    let mut files = Files::default();
    for name in RECORDINGS {
        let from = config.server.data_dir.join(name);
        walk(&from, &mut |path, size| {
            let below = path.strip_prefix(&config.server.data_dir).unwrap_or(path);
            writeln!(list, "{size}\t{}", below.display())?;
            files.count += 1;
            files.bytes += size;
            match args.recordings {
                true => take(path, &data.join(below), name == "recordings"),
                false => Ok(()),
            }
        })
        .with_context(|| format!("the recordings in {}", from.display()))?;
    }
    list.sync_all()?;
    copy(&args.config, &folder.join("cordboard.toml"))
        .with_context(|| format!("the configuration {}", args.config.display()))?;
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "began": began.to_string(),
        "log": copied.through.0,
        "records": copied.records,
        "storeBytes": copied.bytes,
        "recordings": files.count,
        "recordingsCopied": args.recordings,
    });
    let mut file = private(&folder.join("backup.json"))?;
    writeln!(file, "{about:#}")?;
    file.sync_all()?;
    Ok((copied, files))
}

/// Every finished file below `folder`, with its size. One that goes away meanwhile is left out.
fn walk(folder: &Path, each: &mut dyn FnMut(&Path, u64) -> io::Result<()>) -> io::Result<()> {
    let mut names: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    names.sort();
    for path in names {
        let Ok(about) = path.symlink_metadata() else { continue };
        if about.is_dir() {
            walk(&path, each)?;
        } else if about.is_file() && path.extension().is_none_or(|ending| ending != PART) {
            match each(&path, about.len()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
                done => done?,
            }
        }
    }
    Ok(())
}

/// A finished file never changes, so on the same disk a second name for it is a copy.
fn take(from: &Path, to: &Path, finished: bool) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if finished && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (mut source, mut copy) = (File::open(from)?, private(to)?);
    io::copy(&mut source, &mut copy)?;
    copy.sync_all()
}

/// A new file for its owner alone.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
