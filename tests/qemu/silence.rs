//! The flash kernel before process 1 begins: it is not silent, and not slow.

use std::time::{Duration, Instant};

use super::BOOT;
use super::machine::Machine;

/// Where firmware of QEMU has the timer of ACPI's power management, which runs from the reset on with this many ticks
/// in a second of the machine, and begins anew after 4.7 seconds.
const TIMER: &str = "i /w 0x608";
const TICKS: f64 = 3_579_545.0;

/// The machine executes an instruction in each nanosecond of its clock, whatever the host does meanwhile: about half of
/// what a processor of servers does, so that two of its seconds are one of theirs. It stands still where the kernel
/// finds that there is no process 1.
#[test]
fn the_screen_shows_the_kernel_within_a_second() {
    if std::env::var("QEMU_ACCEL").is_ok_and(|accelerator| accelerator != "tcg") {
        println!("not tested: no other accelerator counts instructions");
        return;
    }
    let mut machine = Machine::set_up("silence")
        .arguments(&["-append", "rdinit=/none panic=-1"])
        .arguments(&["-icount", "shift=0,sleep=off"])
        .arguments(&["-action", "shutdown=pause"])
        .start();
    machine.expect("Kernel panic - not syncing: VFS", BOOT);
    let end = Instant::now() + BOOT;
    while !machine.monitor("info status").contains("paused") {
        assert!(Instant::now() < end, "the machine runs on");
        std::thread::sleep(Duration::from_millis(100));
    }
    let screen = machine.screen_text();
    assert!(screen.contains("] Linux version 6."), "{screen}");
    let said = machine.monitor(TIMER);
    let (_, digits) = said.split_once(" = 0x").expect(&said);
    let digits = digits.split_whitespace().next().unwrap();
    let seconds = f64::from(u32::from_str_radix(digits, 16).unwrap()) / TICKS;
    println!("{seconds:.2} s from the reset to process 1");
    assert!(seconds < 2.0, "{seconds} s");
    // The kernel's own clock does not begin anew.
    let log = machine.transcript();
    let panic = log.lines().find(|line| line.contains("Kernel panic"));
    let (time, _) = panic
        .unwrap()
        .trim_start_matches('[')
        .split_once(']')
        .unwrap();
    let seconds: f64 = time.trim().parse().unwrap();
    assert!(seconds < 2.0, "{seconds} s of the kernel");
    machine.finish();
}
