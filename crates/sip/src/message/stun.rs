//! The one thing of STUN that a registrar must know: a phone asks by a Binding request whether its path is open, and what
//! it looks like from here (RFC 5626 §4.4.2 and §8, RFC 8489).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0, 1];
const BINDING_SUCCESS: [u8; 2] = [1, 1];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0, 0x20];
/// Type, length, cookie, transaction.
const HEAD: usize = 2 + 2 + 4 + 12;

/// The answer to a datagram that is a Binding request; whatever attributes it has. No SIP message begins as it does.
pub(crate) fn answer(data: &[u8], seen: SocketAddr) -> Option<Bytes> {
    let (head, attributes) = data.split_at_checked(HEAD)?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if head[..2] != BINDING_REQUEST || head[4..8] != COOKIE || length != attributes.len() || length % 4 > 0 {
        return None;
    }
    let mask = &head[4..];
    let (family, address) = match seen.ip().to_canonical() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let value_length = 4 + u8::try_from(address.len()).ok()?;
    let mut out = Vec::with_capacity(HEAD + 4 + usize::from(value_length));
    out.extend(BINDING_SUCCESS);
    out.extend([0, 4 + value_length]);
    out.extend(mask);
    out.extend(XOR_MAPPED_ADDRESS);
    out.extend([0, value_length, 0, family]);
    let masked = |bytes: &[u8]| bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>();
    out.extend(masked(&seen.port().to_be_bytes()));
    out.extend(masked(&address));
    Some(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: [u8; 12] = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

    fn request(attributes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(attributes.len()).expect("short");
        [&[0, 1, 0, length][..], &COOKIE, &TRANSACTION, attributes].concat()
    }

    /// The mapped addresses of RFC 5769 §2.2 and §2.3.
    #[test]
    fn the_sender_hears_what_it_looks_like() {
        let seen = "192.0.2.1:32853".parse().expect("an address");
        let answer = answer(&request(&[]), seen).expect("it is answered");
        assert_eq!(answer[..8], [1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(answer[8..20], TRANSACTION);
        assert_eq!(answer[20..], *b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        let seen = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
        let answer = super::answer(&request(b"\x80\x22\0\x04test"), seen).expect("it is answered");
        assert_eq!(
            answer[20..],
            *b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9"
        );
    }

    #[test]
    fn what_is_no_binding_request_is_not_answered() {
        let seen = "192.0.2.1:1".parse().expect("an address");
        let good = request(b"\x80\x22\0\x04test");
        assert!(answer(&good, seen).is_some());
        for end in 0..good.len() {
            assert_eq!(answer(&good[..end], seen), None, "{end}");
        }
        for at in [0, 1, 2, 3, 4, 7] {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert_eq!(answer(&bad, seen), None, "{at}");
        }
    }
}
