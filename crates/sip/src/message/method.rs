use std::fmt;
use std::str::FromStr;

use super::Malformed;
use super::scan::is_token;

/// What a request asks for (RFC 3261 §7.1). Case-sensitive: `invite` is some other method.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Begin or change a call.
    Invite,
    /// The final answer to INVITE was received.
    Ack,
    /// End a call.
    Bye,
    /// Give up a pending INVITE.
    Cancel,
    /// Say where a user is.
    Register,
    /// Ask for capabilities.
    Options,
    /// In-call information (RFC 6086).
    Info,
    /// Change a call without a new INVITE (RFC 3311).
    Update,
    /// A reliable provisional answer was received (RFC 3262).
    Prack,
    /// Call someone else (RFC 3515).
    Refer,
    /// News for a subscriber (RFC 6665).
    Notify,
    /// Ask for news (RFC 6665).
    Subscribe,
    /// A text message (RFC 3428).
    Message,
    /// Publish a state (RFC 3903).
    Publish,
    /// Any other token.
    Other(String),
}

impl Method {
    /// As written in a message.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            Method::Info => "INFO",
            Method::Update => "UPDATE",
            Method::Prack => "PRACK",
            Method::Refer => "REFER",
            Method::Notify => "NOTIFY",
            Method::Subscribe => "SUBSCRIBE",
            Method::Message => "MESSAGE",
            Method::Publish => "PUBLISH",
            Method::Other(name) => name,
        }
    }
}

impl FromStr for Method {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Method, Malformed> {
        Ok(match text {
            "INVITE" => Method::Invite,
            "ACK" => Method::Ack,
            "BYE" => Method::Bye,
            "CANCEL" => Method::Cancel,
            "REGISTER" => Method::Register,
            "OPTIONS" => Method::Options,
            "INFO" => Method::Info,
            "UPDATE" => Method::Update,
            "PRACK" => Method::Prack,
            "REFER" => Method::Refer,
            "NOTIFY" => Method::Notify,
            "SUBSCRIBE" => Method::Subscribe,
            "MESSAGE" => Method::Message,
            "PUBLISH" => Method::Publish,
            other if is_token(other) => Method::Other(other.to_owned()),
            _ => return Err(Malformed::new("method", "is not a token")),
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
