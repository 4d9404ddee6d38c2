//! What those hear who are on hold: each account's own music, or that which ships.
//!
//! The media threads are given all of it at their start, as a list of sounds in which the first is the one that ships; an
//! account is told which of them is its own. Music that is new at a reload counts from the next start on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use base::AccountId;
use media::limits::WAV_BYTES_MAX;
use media::sound::Sound;
use media::wav::{self, Wav};
use sha2::{Digest, Sha256};
use switch::config::AccountConfig;

use crate::config::Config;

/// See `assets/`: free of anybody's rights.
const SHIPPED: &[u8] = include_bytes!("../../assets/music.wav");
/// Shorter music is none.
const LENGTH_MIN: Duration = Duration::from_secs(1);
/// Of one account. In memory a second of it takes 48 kB.
const LENGTH_MAX: Duration = Duration::from_secs(300);
/// Of all accounts together; the same file counts once.
const LENGTH_OF_ALL_MAX: Duration = Duration::from_secs(3_600);

/// Tells one file from another.
type Fingerprint = [u8; 32];

/// The music of accounts as their files have it, read and checked.
#[derive(Clone, Debug, Default)]
pub struct MusicFiles {
    of_accounts: BTreeMap<AccountId, Fingerprint>,
    sounds: BTreeMap<Fingerprint, Sound>,
}

/// The sounds that the media threads were given, and which of them is whose.
#[derive(Clone, Debug)]
pub struct Music {
    places: BTreeMap<Fingerprint, usize>,
    of_accounts: BTreeMap<AccountId, usize>,
}

impl MusicFiles {
    /// Reads the files that `config` names.
    ///
    /// # Errors
    /// A file that cannot be read, or is over a limit: the account, the file and the limit.
    pub fn read(config: &Config) -> anyhow::Result<MusicFiles> {
        let mut files = MusicFiles::default();
        let mut length_of_all = Duration::ZERO;
        for account in &config.accounts {
            let Some(path) = &account.music else { continue };
            let named = || format!("account {}: music {}", account.id, path.display());
            let bytes = read_bounded(path).with_context(named)?;
            let fingerprint = Sha256::digest(&bytes).into();
            if let Entry::Vacant(new) = files.sounds.entry(fingerprint) {
                // Before the work of making a sound of it.
                length_of_all += length(&bytes).with_context(named)?;
                check_all(length_of_all)?;
                new.insert(Sound::from_wav(&bytes).with_context(named)?);
            }
            files.of_accounts.insert(account.id, fingerprint);
        }
        Ok(files)
    }
}

impl Music {
    /// For media threads that are about to start: what they are to be given, and what is to be kept of it.
    ///
    /// # Errors
    /// The program was built with a file that is no music.
    pub fn new(files: MusicFiles) -> anyhow::Result<(Music, Vec<Sound>)> {
        let shipped = Sound::from_wav(SHIPPED).context("the music that ships")?;
        let places: BTreeMap<Fingerprint, usize> = files.sounds.keys().copied().zip(1..).collect();
        let sounds = std::iter::once(shipped).chain(files.sounds.into_values()).collect();
        let of_accounts =
            files.of_accounts.iter().map(|(account, fingerprint)| (*account, places[fingerprint])).collect();
        Ok((Music { places, of_accounts }, sounds))
    }

    /// Takes over what accounts want now, as far as the threads have it. Whose music they have not: it is what it was.
    pub fn change(&mut self, files: &MusicFiles) -> Vec<AccountId> {
        let mut later = Vec::new();
        let mut place =
            |(account, fingerprint): (&AccountId, &Fingerprint)| match self.places.get(fingerprint) {
                Some(place) => Some((*account, *place)),
                None => {
                    later.push(*account);
                    self.of_accounts.get(account).map(|before| (*account, *before))
                }
            };
        let of_accounts = files.of_accounts.iter().filter_map(&mut place).collect();
        self.of_accounts = of_accounts;
        later
    }

    /// Tells accounts which sound is theirs.
    pub fn tell(&self, accounts: &mut [AccountConfig]) {
        for one in accounts {
            one.music = self.of_accounts.get(&one.account.id).copied().unwrap_or(0);
        }
    }
}

fn read_bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A little more than the reader takes, which says what its limit is.
    File::open(path)?.take(WAV_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How long the music of a file lasts.
fn length(file: &[u8]) -> anyhow::Result<Duration> {
    let Wav { rate_hz, samples } = wav::read(file)?;
    let length = Duration::from_secs(samples.len() as u64) / rate_hz;
    ensure!(
        (LENGTH_MIN..=LENGTH_MAX).contains(&length),
        "it lasts {:.1} s, the limits are {} and {} s",
        length.as_secs_f32(),
        LENGTH_MIN.as_secs(),
        LENGTH_MAX.as_secs()
    );
    Ok(length)
}

fn check_all(length: Duration) -> anyhow::Result<()> {
    ensure!(
        length <= LENGTH_OF_ALL_MAX,
        "the music of all accounts together lasts {} s or more, the limit is {} s",
        length.as_secs(),
        LENGTH_OF_ALL_MAX.as_secs()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AccountId = AccountId(2_000_100);
    const TWO: AccountId = AccountId(2_000_101);
    const THREE: AccountId = AccountId(2_000_102);

    /// Accounts whose music lies in files of `dir`.
    fn config(dir: &Path, music: &[(AccountId, Option<&str>)]) -> Config {
        let accounts = music.iter().map(|(id, file)| {
            let file = file.map(|file| format!("music = {:?}\n", dir.join(file))).unwrap_or_default();
            format!("[[account]]\nid = {id}\nsecrets = [\"0123456789abcdef0123456789abcdef\"]\n{file}")
        });
        let server =
            "[server]\nhttp_listen = \"127.0.0.1:8080\"\nsip_listen = \"127.0.0.1:5060\"\n".to_owned();
        let text: String = std::iter::once(server).chain(accounts).collect();
        crate::config::parse(&text, &|_| None).expect("a configuration without mistakes")
    }

    fn write(dir: &Path, name: &str, rate_hz: u32, samples: &[i16]) {
        let file = media::wav::write(rate_hz, samples).expect("short");
        std::fs::write(dir.join(name), file).expect("a temporary folder");
    }

    fn told(music: &Music, accounts: &Config) -> Vec<usize> {
        let mut accounts = accounts.switch_accounts();
        music.tell(&mut accounts);
        accounts.iter().map(|one| one.music).collect()
    }

    #[test]
    fn each_account_has_its_own_or_that_which_ships_and_a_file_is_kept_once() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), "a.wav", 8_000, &[1000; 16_000]);
        write(dir.path(), "copy.wav", 8_000, &[1000; 16_000]);
        write(dir.path(), "b.wav", 48_000, &[2000; 96_000]);
        let accounts = config(dir.path(), &[(ONE, Some("a.wav")), (TWO, None), (THREE, Some("copy.wav"))]);
        let (mut music, sounds) = Music::new(MusicFiles::read(&accounts).expect("WAV")).expect("WAV");
        assert_eq!((sounds.len(), told(&music, &accounts)), (2, vec![1, 0, 1]));
        assert_eq!(sounds[1].length(), Duration::from_secs(2));
        assert!(sounds[0].length() >= LENGTH_MIN, "what ships is music");

        // A reload: one goes back to what ships, one takes what another has, one wants what is not there.
        let later = config(dir.path(), &[(ONE, None), (TWO, Some("a.wav")), (THREE, Some("b.wav"))]);
        assert_eq!(music.change(&MusicFiles::read(&later).expect("WAV")), [THREE]);
        assert_eq!(told(&music, &later), [0, 1, 1], "and that one keeps what it had");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_account_and_the_limit() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), "short.wav", 8_000, &[0; 4_000]);
        write(dir.path(), "long.wav", 8_000, &vec![0; 8_000 * 301]);
        write(dir.path(), "fast.wav", 192_000, &[0; 192_000]);
        std::fs::write(dir.path().join("text.wav"), "music").expect("a temporary folder");
        for (file, problem) in [
            ("none.wav", "No such file"),
            ("text.wav", "not a WAV file"),
            ("fast.wav", "192000 Hz: the limits are 4000 and 96000 Hz"),
            ("short.wav", "it lasts 0.5 s, the limits are 1 and 300 s"),
            ("long.wav", "it lasts 301.0 s, the limits are 1 and 300 s"),
        ] {
            let error = MusicFiles::read(&config(dir.path(), &[(ONE, Some(file))])).expect_err(file);
            let said = format!("{error:#}");
            assert!(said.starts_with("account 2000100: music ") && said.contains(file), "{said}");
            assert!(said.contains(problem), "{said}");
        }
    }

    #[test]
    fn all_music_together_has_a_limit() {
        assert!(check_all(LENGTH_OF_ALL_MAX).is_ok());
        let error = check_all(Duration::from_secs(3_770)).expect_err("too long").to_string();
        assert_eq!(error, "the music of all accounts together lasts 3770 s or more, the limit is 3600 s");
    }
}
