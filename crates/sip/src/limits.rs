//! Everything this crate bounds, in one place.
//!
//! A message over a limit is refused with the status named here, or dropped when it cannot be answered.

use std::time::Duration;

/// Bytes of one datagram. More: 513 Message Too Large.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Bytes of the start line. More: 414 URI Too Long when it is a request.
pub const START_LINE_BYTES_MAX: usize = 4_096;

/// Bytes of one header field with its folded lines. More: 400.
pub const HEADER_LINE_BYTES_MAX: usize = 8_192;

/// Header fields of one message. More: 400.
pub const HEADER_LINES_MAX: usize = 128;

/// Values of one comma-separated header over all its lines (routes, contacts, tags). More: 400.
pub const HEADER_VALUES_MAX: usize = 128;

/// Via values: the default Max-Forwards (RFC 3261 §8.1.1.6) bounds honest hops. More: 400.
pub const VIA_VALUES_MAX: usize = 70;

/// Parameters of one URI or one header value. More: 400.
pub const PARAMS_MAX: usize = 64;

/// Bytes of one URI. More: 414 as Request-URI, else 400.
pub const URI_BYTES_MAX: usize = 2_048;

/// Bytes of a host name, as in DNS. More: 400.
pub const HOST_BYTES_MAX: usize = 255;

/// Parts of a body of several. More: it is not understood, 415.
pub const BODY_PARTS_MAX: usize = 32;

/// How deep bodies of several parts may stand in each other. Deeper: not understood, 415.
pub const BODY_DEPTH_MAX: usize = 3;

/// Bytes of a Call-ID; it is kept for the life of a call. More: 400.
pub const CALL_ID_BYTES_MAX: usize = 512;

/// Requests of others that are being answered. More: 503 with Retry-After, without a transaction; inside dialogs only
/// beyond twice as many.
pub const SERVER_TRANSACTIONS_MAX: usize = 50_000;

/// Requests of others that were answered lately, and may come again: for half a minute each, and about 200
/// bytes. More: as above.
pub const LINGERING_MAX: usize = 500_000;

/// Bytes that the answers to them may have on average, as far as they are kept: most have few or none, one that shows long
/// contacts has thousands. More: as above.
pub const LINGERING_BYTES_MEAN: usize = 256;

/// Dialogs. More: an incoming INVITE gets 503, an own one ends as `Refused(503)`.
pub const DIALOGS_MAX: usize = 20_000;

/// Far ends that may answer one INVITE of ours with 2xx, or with provisional answers. More: not heard.
pub const FORKS_MAX: usize = 8;

/// CANCELs for one INVITE, each but the first for a far end that did not know the INVITE and then answered it after all.
/// More: not sent; the INVITE is given up.
pub const CANCELS_MAX: usize = 8;

/// Bindings of all users. More: 503.
pub const BINDINGS_MAX: usize = 20_000;

/// Bindings of one user. More: 403.
pub const BINDINGS_PER_USER_MAX: usize = 8;

/// Bytes of `User-Agent` that are kept with a binding. More: cut off.
pub const DEVICE_BYTES_MAX: usize = 64;

/// Bytes of the name that a phone gives itself (`+sip.instance`). More: 400.
pub const INSTANCE_BYTES_MAX: usize = 256;

/// Bytes of the way to a phone (Path). More: 400.
pub const PATH_BYTES_MAX: usize = 2_048;

/// Bytes of the kept bindings of one user. More: not understood.
pub const BINDINGS_KEPT_BYTES_MAX: usize = 262_144;

/// Addresses of whom wrong proofs are counted, or who are banned. More: what would be forgotten next is forgotten.
pub const GUARDED_SOURCES_MAX: usize = 65_536;

/// Users, real or not, of whom wrong proofs are counted. More: what would be forgotten next is forgotten.
pub const GUARDED_USERS_MAX: usize = 65_536;

/// Places where users proved to be themselves. More: the one that is longest ago is forgotten.
pub const GUARDED_HOMES_MAX: usize = 65_536;

/// Our own registrations elsewhere. More: refused at once as 503.
pub const OWN_REGISTRATIONS_MAX: usize = 10_000;

/// How often in a row a proof is given anew because its nonce was too old. More: it counts as refused.
pub const STALE_TRIES_MAX: u32 = 3;

/// The longest registration of ours that a registrar may demand or grant. More: its 423 counts as a refusal, and what it
/// grants as this.
pub const OWN_EXPIRES_MAX: Duration = Duration::from_secs(86_400);

/// Far ends of which it is remembered that they take no streams. More: found out again for each large request.
pub const STREAMLESS_MAX: usize = 1_000;

/// Hops that a registrar may want our requests to take (RFC 3608). More: they go as if it had named none.
pub const SERVICE_ROUTES_MAX: usize = 8;

/// Questions at once whether far ends are there. More: not asked.
pub const PROBES_MAX: usize = 1_000;

/// Bytes of a resume token. More: not understood.
pub const TOKEN_BYTES_MAX: usize = 65_535;

/// Nonces whose counts are kept. More: the oldest become stale, their users are challenged again.
pub const NONCES_SPENT_MAX: usize = 32_768;

/// Bytes of a message's start line and headers in a stream. More: 513, and the connection is closed.
pub const STREAM_HEAD_BYTES_MAX: usize = 32_768;

/// Bytes of a message's body in a stream. More: 513, and the connection is closed.
pub const STREAM_BODY_BYTES_MAX: usize = 32_767;

/// Streams, open or being opened. More: closed, not opened.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Bytes of unfinished messages in all streams together. More: the stream that brought them is closed.
pub const STREAMS_BYTES_MAX: usize = 64 << 20;

/// Bytes that wait for a stream to be opened. More: not sent.
pub const OPENING_BYTES_MAX: usize = 262_144;

/// Bytes of a request in a datagram. More: it goes by TCP where that can be had (RFC 3261 §18.1.1).
pub const DATAGRAM_REQUEST_BYTES_MAX: usize = 1_300;

/// Empty lines between two messages of a stream; a phone that keeps its path open sends four a minute. More: the
/// connection is closed.
pub const STREAM_EMPTY_LINES_MAX: usize = 4_096;

/// How often a change of a call is asked for when the far end has no time for it. More: it counts as refused.
pub const CHANGE_TRIES_MAX: usize = 8;

/// The distance between the last request of ours and the BYE in a resume token: so many requests need no new token.
pub const TOKEN_CSEQ_ROOM: u32 = 64;

/// The longest interval between signs of life in a call that a far end may demand (RFC 4028). More: its 422 counts as a
/// refusal.
pub const SESSION_MAX: Duration = Duration::from_secs(86_400);
