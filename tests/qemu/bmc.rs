//! A management controller of our own behind QEMU's `ipmi-bmc-extern`, for neither QEMU's own one nor OpenIPMI's
//! `ipmi_sim` keeps boot flags as the specification has them.
//!
//! Messages are those of OpenIPMI's codec for virtual machines (`hw/ipmi/ipmi_bmc_extern.c` of QEMU): sequence number,
//! network function, command, data and a checksum, with an end and escapes as on a serial line.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

const END: u8 = 0xa0;
const END_OF_COMMAND: u8 = 0xa1;
const ESCAPE: u8 = 0xaa;

/// The controller, which answers as long as there is a machine.
pub struct Bmc {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    flags: [u8; 5],
    log: Vec<[u8; 16]>,
}

impl Bmc {
    /// One with these boot flags (parameter 5 of the system boot options).
    pub fn start(name: &str, flags: [u8; 5]) -> Bmc {
        let socket = std::env::temp_dir().join(format!("pl-bmc-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let state = Arc::new(Mutex::new(State {
            flags,
            ..State::default()
        }));
        let its = state.clone();
        std::thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                serve(stream, &its);
            }
        });
        Bmc { socket, state }
    }

    /// What QEMU has to be told.
    pub fn arguments(&self) -> [String; 6] {
        let socket = self.socket.display();
        [
            "-chardev",
            // With a connection that is there before the device, QEMU 7.2 crashes when it tells of itself.
            &format!("socket,id=bmc,path={socket},reconnect=1"),
            "-device",
            "ipmi-bmc-extern,id=controller,chardev=bmc",
            "-device",
            "isa-ipmi-kcs,bmc=controller",
        ]
        .map(str::to_owned)
    }

    /// The boot flags as they are now.
    pub fn flags(&self) -> [u8; 5] {
        self.state.lock().unwrap().flags
    }

    /// Sensor type and data of each entry in its event log.
    pub fn log(&self) -> Vec<(u8, [u8; 3])> {
        let state = self.state.lock().unwrap();
        let entries = state.log.iter();
        let entries = entries.map(|record| (record[10], [record[13], record[14], record[15]]));
        entries.collect()
    }
}

impl Drop for Bmc {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn serve(mut stream: UnixStream, state: &Mutex<State>) {
    let mut message = Vec::new();
    let mut is_escaped = false;
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) {
        match byte[0] {
            END => {
                let answer = answer(&message, &mut state.lock().unwrap());
                if stream.write_all(&answer).is_err() {
                    return;
                }
                message.clear();
            }
            // What QEMU says of itself.
            END_OF_COMMAND => message.clear(),
            ESCAPE => is_escaped = true,
            byte if std::mem::take(&mut is_escaped) => message.push(byte & !0x10),
            byte => message.push(byte),
        }
    }
}

/// The response with its completion code, as it is sent.
fn answer(message: &[u8], state: &mut State) -> Vec<u8> {
    let &[sequence, function, command, ref data @ .., _] = message else {
        return Vec::new();
    };
    let mut response = vec![sequence, function | 4, command];
    match (function >> 2, command, data) {
        // Get Device ID: version 2.0, with an event log.
        (6, 0x01, _) => response.extend([0, 0x20, 1, 1, 0, 2, 0x04, 0, 0, 0, 0, 0]),
        (6, 0x2e | 0x30, _) => response.push(0),
        (6, 0x2f | 0x31, _) => response.extend([0, 0]),
        (0, 0x09, [5, ..]) => {
            response.extend([0, 1, 5]);
            response.extend(state.flags);
        }
        (0, 0x08, [5, flags @ ..]) => {
            state.flags = flags.try_into().unwrap();
            response.push(0);
        }
        (0x0a, 0x44, record) => {
            state.log.push(record.try_into().unwrap());
            response.extend([0, 1, 0]);
        }
        // No such command.
        _ => response.push(0xc1),
    }
    let sum = response
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    response.push(sum.wrapping_neg());
    let mut sent = Vec::new();
    for byte in response {
        match byte {
            END | END_OF_COMMAND | ESCAPE => sent.extend([ESCAPE, byte | 0x10]),
            byte => sent.push(byte),
        }
    }
    sent.push(END);
    sent
}
