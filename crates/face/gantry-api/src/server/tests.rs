//! The limits of the server, crossed.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Instant as Timer,
};

use gantry_ports::pulse::Pulse;

use super::*;
use crate::kit::{TOKEN, interface, view};

fn start(pulses: Vec<Pulse>) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (view, store) = view();
    Server::start(listener, interface(view, store, pulses)).unwrap()
}

fn ask(server: &Server, path: &str) -> String {
    let mut connection = TcpStream::connect(server.address()).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn silent(server: &Server, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(server.address()).unwrap()).collect()
}

#[test]
fn the_oldest_silent_connection_makes_place_for_a_new_one() {
    let server = start(Vec::new());
    let mut silent = silent(&server, CONNECTIONS_MAX + 1);
    assert!(ask(&server, "/api/v1/runs").ends_with("\r\n\r\n{\"runs\":[]}"));
    let mut byte = [0];
    for gone in &mut silent[..2] {
        // Closed, or reset.
        assert!(gone.read(&mut byte).map_or(true, |count| count == 0));
    }
    let last = silent.last_mut().unwrap();
    last.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(last.read(&mut byte).unwrap(), 1, "the newest is still there");
    server.stop();
}

/// Who signs in slowly is known to nobody, and keeps nobody out.
#[test]
fn slow_sign_ins_keep_nobody_out() {
    let server = start(Vec::new());
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nContent-Length: 9\r\n\r\ntok";
    let mut slow = silent(&server, CONNECTIONS_MAX);
    for connection in &mut slow {
        connection.write_all(head.as_bytes()).unwrap();
        // Let it be taken up before the next.
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(ask(&server, "/api/v1/runs").ends_with("\r\n\r\n{\"runs\":[]}"));
    let mut answer = String::new();
    slow.last_mut().unwrap().read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Too many sign in"), "{answer}");
    server.stop();
}

#[test]
fn it_stops_within_a_second_whoever_is_connected() {
    let server = start(Vec::new());
    let _silent = silent(&server, CONNECTIONS_MAX);
    assert!(ask(&server, "/healthz").starts_with("HTTP/1.1 200"));
    let (stopping, address) = (Timer::now(), server.address());
    server.stop();
    let seconds = stopping.elapsed().as_secs_f64();
    assert!(seconds < 1.0, "{seconds} s");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn health_says_that_a_thread_has_ended() {
    let (beating, pulse) = Pulse::start("keeper");
    let server = start(vec![pulse]);
    assert!(ask(&server, "/healthz").contains("\"status\":\"ok\""));
    drop(beating);
    let answer = ask(&server, "/healthz");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("[\"service/thread-ended\"]"), "{answer}");
    server.stop();
}
