//! Digest authentication, both sides (RFC 3261 §22, RFC 2617, RFC 7616, RFC 8760): MD5, SHA-256 and
//! SHA-512-256, `qop=auth` and the older form without it.
//!
//! The server makes a [`Challenge`] with a nonce of [`Nonces`], and checks the [`Authorization`] that comes back with
//! [`Nonces::judge`], [`Authorization::is_by`] and [`Nonces::spend`], in this order. The client answers a challenge with
//! [`Authorization::answer`].

mod fields;
mod nonce;

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use subtle::ConstantTimeEq;

use crate::api::Credentials;
use crate::message::{Malformed, Method};
use fields::Fields;
pub use nonce::{Nonces, Standing};

/// The hash of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// `MD5`: also meant when none is named. What most phones know.
    Md5,
    /// `SHA-256` (RFC 8760).
    Sha256,
    /// `SHA-512-256` (RFC 8760).
    Sha512_256,
}

/// What a server asks for: the value of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Whose users are meant; shown to them.
    pub realm: String,
    /// To be mixed into the answer.
    pub nonce: String,
    /// The hash to use.
    pub algorithm: Algorithm,
    /// Whether `qop=auth` is offered; if not, the older form is meant.
    pub qop_auth: bool,
    /// To be sent back.
    pub opaque: Option<String>,
    /// The password was right, only the nonce was too old: answer again without asking the user.
    pub stale: bool,
}

/// What a client answers: the value of Authorization or Proxy-Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who.
    pub username: String,
    /// The realm of the challenge.
    pub realm: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The Request-URI as the client saw it.
    pub uri: String,
    /// The hash of the challenge.
    pub algorithm: Algorithm,
    /// Set with `qop=auth`.
    pub count: Option<Count>,
    /// The opaque of the challenge.
    pub opaque: Option<String>,
    /// The proof, in hex.
    pub response: String,
}

/// What `qop=auth` adds to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many answers were made with this nonce, this one included.
    pub nc: u32,
    /// The client's own nonce.
    pub cnonce: String,
}

impl Algorithm {
    /// As written in a header.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    fn parse(text: &str) -> Option<Algorithm> {
        [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256]
            .into_iter()
            .find(|known| text.eq_ignore_ascii_case(known.as_str()))
    }

    fn hash(self, text: &str) -> String {
        match self {
            Algorithm::Md5 => hex(&Md5::digest(text)),
            Algorithm::Sha256 => hex(&Sha256::digest(text)),
            Algorithm::Sha512_256 => hex(&Sha512_256::digest(text)),
        }
    }
}

impl Challenge {
    /// Reads a header value. None: it asks for something that is not known here (another scheme, another algorithm,
    /// `qop=auth-int` only), which a client passes over (RFC 7616 §3.7).
    pub fn parse(value: &str) -> Result<Option<Challenge>, Malformed> {
        let Some(mut fields) = Fields::parse(value)? else { return Ok(None) };
        let Some(algorithm) = fields.algorithm() else { return Ok(None) };
        let offers = fields.take("qop");
        let is_auth = |offers: &String| offers.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth"));
        let qop_auth = offers.as_ref().is_some_and(is_auth);
        if offers.is_some() && !qop_auth {
            return Ok(None);
        }
        Ok(Some(Challenge {
            realm: fields.required("realm")?,
            nonce: fields.required("nonce")?,
            algorithm,
            qop_auth,
            opaque: fields.take("opaque"),
            stale: fields.take("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        }))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = crate::message::quote;
        write!(f, "Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce))?;
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        if self.qop_auth {
            write!(f, ", qop=\"auth\"")?;
        }
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        match self.stale {
            true => write!(f, ", stale=true"),
            false => Ok(()),
        }
    }
}

impl Authorization {
    /// Answers `challenge` for a request of `method` to `uri` (the Request-URI as it is sent). `nc` counts the answers to
    /// this nonce from 1; `cnonce` is random text of the client.
    pub fn answer(
        challenge: &Challenge,
        who: &Credentials,
        method: &Method,
        uri: &str,
        nc: u32,
        cnonce: &str,
    ) -> Authorization {
        let mut answer = Authorization {
            username: who.user.clone(),
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: uri.to_owned(),
            algorithm: challenge.algorithm,
            count: challenge.qop_auth.then(|| Count { nc, cnonce: cnonce.to_owned() }),
            opaque: challenge.opaque.clone(),
            response: String::new(),
        };
        answer.response = answer.compute_response(method, &who.password);
        answer
    }

    /// Reads a header value. None: another scheme or algorithm, which counts as no answer.
    pub fn parse(value: &str) -> Result<Option<Authorization>, Malformed> {
        let Some(mut fields) = Fields::parse(value)? else { return Ok(None) };
        let Some(algorithm) = fields.algorithm() else { return Ok(None) };
        let count = match fields.take("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(fields.count()?),
            Some(_) => return Ok(None),
            None => None,
        };
        Ok(Some(Authorization {
            username: fields.required("username")?,
            realm: fields.required("realm")?,
            nonce: fields.required("nonce")?,
            uri: fields.required("uri")?,
            algorithm,
            count,
            opaque: fields.take("opaque"),
            response: fields.required("response")?,
        }))
    }

    /// Whether the sender knew `password` when it sent a request of `method`. Takes the same time for every wrong
    /// answer. The caller still has to compare realm, uri and username with its own, and to ask [`Nonces`].
    pub fn is_by(&self, method: &Method, password: &str) -> bool {
        let expected = self.compute_response(method, password);
        expected.as_bytes().ct_eq(self.response.to_ascii_lowercase().as_bytes()).into()
    }

    /// The proof that belongs to these fields (RFC 7616 §3.4.1), in lower-case hex.
    pub fn compute_response(&self, method: &Method, password: &str) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let secret = hash(format!("{}:{}:{password}", self.username, self.realm));
        let request = hash(format!("{method}:{}", self.uri));
        hash(match &self.count {
            Some(Count { nc, cnonce }) => {
                format!("{secret}:{}:{nc:08x}:{cnonce}:auth:{request}", self.nonce)
            }
            None => format!("{secret}:{}:{request}", self.nonce),
        })
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = crate::message::quote;
        write!(f, "Digest username={}, realm={}", quote(&self.username), quote(&self.realm))?;
        write!(f, ", nonce={}, uri={}", quote(&self.nonce), quote(&self.uri))?;
        write!(f, ", response={}, algorithm={}", quote(&self.response), self.algorithm.as_str())?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        match &self.count {
            Some(Count { nc, cnonce }) => write!(f, ", qop=auth, nc={nc:08x}, cnonce={}", quote(cnonce)),
            None => Ok(()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: password.to_owned() }
    }

    fn challenge(value: &str) -> Challenge {
        Challenge::parse(value).unwrap().unwrap()
    }

    fn get() -> Method {
        Method::Other("GET".to_owned())
    }

    /// RFC 2617 §3.5.
    #[test]
    fn the_example_of_rfc_2617() {
        let asked = challenge(
            r#"Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#,
        );
        let who = credentials("Mufasa", "Circle Of Life");
        let answer = Authorization::answer(&asked, &who, &get(), "/dir/index.html", 1, "0a4f113b");
        assert_eq!(answer.response, "6629fae49393a05397450978507c4ef1");
        assert_eq!(answer.opaque.as_deref(), Some("5ccc069c403ebaf9f0171e9517f40e41"));
    }

    /// RFC 7616 §3.9.1 with both its algorithms, and with the third.
    #[test]
    fn the_examples_of_rfc_7616() {
        let who = credentials("Mufasa", "Circle of Life");
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let expected = [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("SHA-512-256", "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ];
        for (algorithm, response) in expected {
            let asked = challenge(&format!(
                r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
            ));
            let answer = Authorization::answer(&asked, &who, &get(), "/dir/index.html", 1, cnonce);
            assert_eq!(answer.response, response, "{algorithm}");
        }
    }

    /// The example of RFC 2069 §2.4 as its erratum corrects it: no qop.
    #[test]
    fn the_example_of_rfc_2069() {
        let asked =
            challenge(r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#);
        let who = credentials("Mufasa", "CircleOfLife");
        let answer = Authorization::answer(&asked, &who, &get(), "/dir/index.html", 1, "unused");
        assert_eq!(answer.response, "1949323746fe6a43ef61f9606e7febea");
        assert_eq!(answer.count, None);
    }

    #[test]
    fn an_answer_is_read_as_it_was_written_and_proves_its_password() {
        for qop_auth in [true, false] {
            let asked = Challenge {
                realm: r#"a "quoted" realm, with commas"#.to_owned(),
                nonce: "abc".to_owned(),
                algorithm: Algorithm::Sha256,
                qop_auth,
                opaque: Some("o".to_owned()),
                stale: qop_auth,
            };
            assert_eq!(challenge(&asked.to_string()), asked);
            let who = credentials("8001", "secret");
            let made = Authorization::answer(&asked, &who, &Method::Register, "sip:a", 0x1a, "c");
            let read = Authorization::parse(&made.to_string()).unwrap().unwrap();
            assert_eq!(read, made);
            assert!(read.is_by(&Method::Register, "secret"));
            assert!(!read.is_by(&Method::Register, "Secret") && !read.is_by(&Method::Invite, "secret"));
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over_and_what_is_broken_is_refused() {
        for other in [
            "Basic realm=\"x\"",
            "NoOneKnowsThisScheme opaque-data=here",
            "Bearer a.b==",
            "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-512",
            "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\"",
        ] {
            assert_eq!(Challenge::parse(other), Ok(None), "{other}");
            assert_eq!(Authorization::parse(other).ok().flatten(), None, "{other}");
        }
        let fine = r#"Digest username="u", realm="r", nonce="n", uri="sip:a", response="0", "#;
        for broken in [
            "qop=auth",
            "qop=auth, nc=1, cnonce=\"c\"",
            "qop=auth, nc=0000000g, cnonce=\"c\"",
            "a=\"",
            "x",
            "realm=2",
        ] {
            assert!(Authorization::parse(&format!("{fine}{broken}")).is_err(), "{broken}");
        }
        assert!(Authorization::parse("Digest username=\"u\"").is_err());
    }
}
