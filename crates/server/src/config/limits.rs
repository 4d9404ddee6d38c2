//! What a configuration may hold at most. Beyond each limit the file is refused with the limit in the message.

use std::ops::RangeInclusive;

/// Bytes of a configuration file.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Mistakes reported at once; those after them are counted.
pub(super) const PROBLEMS_SHOWN_MAX: usize = 200;
/// Bytes of a decompressed `phone.dat`.
pub(super) const PHONE_DAT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Accounts of one server.
pub(super) const ACCOUNTS_MAX: usize = 1_000;
/// Trunks of one server.
pub(super) const TRUNKS_MAX: usize = 100;
/// Addresses of one trunk.
pub(super) const TRUNK_ADDRESSES_MAX: usize = 8;
/// Calls at once by one trunk.
pub(super) const TRUNK_CHANNELS: RangeInclusive<u64> = 1..=100_000;
/// Seconds between two pings of a trunk's address; 0 = none.
pub(super) const TRUNK_HEALTH_CHECK_S: RangeInclusive<u64> = 0..=3_600;
/// Seconds that a registration with a trunk is asked for.
pub(super) const TRUNK_REGISTER_S: RangeInclusive<u64> = 60..=86_400;
/// The default of it.
pub(super) const TRUNK_REGISTER_S_DEFAULT: u64 = 600;
/// Codecs of one trunk, and of phones.
pub(super) const CODECS_MAX: usize = 4;
/// Rules of one list of a trunk.
pub(super) const TRUNK_RULES_MAX: usize = 100;
/// Digits that a rule may speak of.
pub(super) const RULE_DIGITS: RangeInclusive<u64> = 0..=30;
/// Priority of a trunk among those of an account; its weight has the same bounds.
pub(super) const TRUNK_PRIORITY: RangeInclusive<u64> = 0..=65_535;
/// Inbound routes of one account.
pub(super) const INBOUND_ROUTES_MAX: usize = 10_000;
/// Calls that an account may begin within a second; 0 = any number.
pub(super) const CALLS_PER_S: RangeInclusive<u64> = 0..=callcenter::limits::CALLS_PER_S_MAX as u64;
/// Agents of one account, also disabled and deleted ones.
pub(super) const AGENTS_MAX: usize = 10_000;
/// Roles of one agent.
pub(super) const ROLES_MAX: usize = 16;
/// Numbers of one account.
pub(super) const NUMBERS_MAX: usize = 10_000;
/// Number groups of one account.
pub(super) const GROUPS_MAX: usize = 1_000;
/// Editions of one account.
pub(super) const EDITIONS_MAX: usize = 100;
/// Custom busy reasons of one account.
pub(super) const BUSY_REASONS_MAX: usize = 100;
/// Push addresses of one account.
pub(super) const PUSH_ADDRESSES_MAX: usize = 16;
/// Secrets of one account: the one in use, and those being rotated.
pub(super) const SECRETS_MAX: usize = 4;

/// An account number: 7–8 digits (contract §3).
pub(super) const ACCOUNT_ID: RangeInclusive<u64> = 1_000_000..=99_999_999;
/// Characters of an API secret.
pub(super) const SECRET_LEN: RangeInclusive<usize> = 16..=128;
/// Characters of a SIP password.
pub(super) const SIP_PASSWORD_LEN: RangeInclusive<usize> = 8..=128;
/// Bytes of a push secret, decoded (Standard Webhooks).
pub(super) const PUSH_SECRET_BYTES: RangeInclusive<usize> = 24..=64;
/// Characters of a name.
pub(super) const NAME_LEN_MAX: usize = 64;
/// Digits of a telephone number.
pub(super) const NUMBER_DIGITS: RangeInclusive<usize> = 3..=20;
/// State numbers of custom busy reasons.
pub(super) const BUSY_REASON: RangeInclusive<u64> = 100..=999;
/// Recordings made into files at once.
pub(super) const RECORDING_WORKERS: RangeInclusive<u64> = 1..=64;
/// Days that recordings are kept; 0 = for ever.
pub(super) const RECORDING_KEEP_DAYS: RangeInclusive<u64> = 0..=36_500;
/// Worker numbers, part of every call number.
pub(super) const WORKER: RangeInclusive<u64> = 0..=1023;
/// Threads that move sound.
pub(super) const MEDIA_THREADS: RangeInclusive<u64> = 1..=64;
