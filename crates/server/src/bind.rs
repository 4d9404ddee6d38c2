//! Sockets of one address family each: version 6 ones do not take version 4 packets as well, so that both can listen at
//! every address with the same port, and addresses are shown as they are.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A socket for datagrams.
///
/// # Errors
/// When the address is in use or not ours.
pub fn datagrams(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    bound(&socket, address)?;
    Ok(socket.into())
}

/// A listener for streams.
///
/// # Errors
/// When the address is in use or not ours.
pub fn streams(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of before a restart do not keep the port.
    socket.set_reuse_address(true)?;
    bound(&socket, address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bound(socket: &Socket, address: SocketAddr) -> std::io::Result<()> {
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn both_families_listen_at_every_address_with_one_port() {
        let four = datagrams((Ipv4Addr::UNSPECIFIED, 0).into()).expect("a free port");
        let port = four.local_addr().expect("bound").port();
        assert!(datagrams((Ipv6Addr::UNSPECIFIED, port).into()).is_ok());
        let four = streams((Ipv4Addr::UNSPECIFIED, 0).into()).expect("a free port");
        let port = four.local_addr().expect("bound").port();
        assert!(streams((Ipv6Addr::UNSPECIFIED, port).into()).is_ok());
    }
}
