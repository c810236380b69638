//! The fleet's upgrade, step by step.

use super::*;

const NEW: &str = "sidecar@sha256:new";
const OLD: &str = "sidecar@sha256:old";
const DEVICE: &str = "whatsapp@sha256:new";

fn key(namespace: &str, name: usize) -> Key {
    Key {
        namespace: namespace.to_owned(),
        name: format!("s{name}"),
    }
}

fn images(sidecar: &str, device: Option<&str>) -> Images {
    Images {
        sidecar: sidecar.to_owned(),
        device: device.map(str::to_owned),
    }
}

fn seen(image: &str, health: Health) -> Seen {
    Seen {
        images: Some(images(image, None)),
        health,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// So many sessions of a namespace that work on the old image.
fn fleet(namespaces: &[(&str, usize)]) -> Fleet {
    let mut fleet = Fleet::new(images(NEW, Some(DEVICE)));
    fleet.set_canaries(BTreeSet::from(["canary".to_owned()]));
    for (namespace, count) in namespaces {
        for name in 0..*count {
            fleet.begin(key(namespace, name), &seen(OLD, Health::Up), at(0));
        }
    }
    fleet
}

fn admitted(fleet: &mut Fleet, namespace: &str, count: usize, limit: usize) -> usize {
    (0..count)
        .filter(|&name| {
            let key = key(namespace, name);
            let behind = matches!(fleet.sessions[&key], Stage::Behind { .. });
            behind && fleet.admit(&key, limit, at(0)) == Verdict::Go
        })
        .count()
}

#[test]
fn at_most_so_many_are_down_at_once() {
    let mut fleet = fleet(&[("a", 20)]);
    assert_eq!(admitted(&mut fleet, "a", 20, 5), 5);
    assert_eq!(fleet.admit(&key("a", 9), 5, at(1)), Verdict::Full);
    // The Deployment has yet to show it: the place is taken all the same.
    assert!(
        fleet
            .observe(&key("a", 0), &seen(OLD, Health::Up), at(1))
            .is_empty()
    );
    assert_eq!(fleet.admit(&key("a", 9), 5, at(1)), Verdict::Full);
    // It is up again, and one of those that wait may ask.
    let woken = fleet.observe(&key("a", 0), &seen(NEW, Health::Up), at(2));
    assert_eq!(woken.len(), 1);
    assert_eq!(fleet.admit(&woken[0], 5, at(2)), Verdict::Go);
    assert_eq!(fleet.admit(&key("a", 11), 5, at(2)), Verdict::Full);
}

#[test]
fn canaries_go_first_and_must_work() {
    let mut fleet = fleet(&[("a", 3), ("canary", 2)]);
    assert_eq!(fleet.admit(&key("a", 0), 5, at(0)), Verdict::Canaries);
    assert_eq!(admitted(&mut fleet, "canary", 2, 5), 2);
    fleet.observe(&key("canary", 0), &seen(NEW, Health::Up), at(1));
    assert_eq!(fleet.admit(&key("a", 0), 5, at(1)), Verdict::Canaries);
    fleet.observe(&key("canary", 1), &seen(NEW, Health::Broken), at(1));
    assert_eq!(fleet.admit(&key("a", 0), 5, at(1)), Verdict::Canaries);
    let woken = fleet.observe(&key("canary", 1), &seen(NEW, Health::Up), at(2));
    assert_eq!(woken, [key("a", 0)]);
    assert_eq!(fleet.admit(&key("a", 0), 5, at(2)), Verdict::Go);
}

#[test]
fn three_failures_in_a_row_stop_it_until_one_works() {
    let mut fleet = fleet(&[("a", 20)]);
    assert_eq!(admitted(&mut fleet, "a", 20, 10), 10);
    for name in [0, 1] {
        fleet.observe(&key("a", name), &seen(NEW, Health::Broken), at(1));
    }
    fleet.observe(&key("a", 2), &seen(NEW, Health::Up), at(1));
    assert_eq!(
        fleet.admit(&key("a", 10), 10, at(1)),
        Verdict::Go,
        "not in a row"
    );
    for name in [3, 4, 5] {
        fleet.observe(&key("a", name), &seen(NEW, Health::Broken), at(1));
        // Told again and again, it is one failure.
        fleet.observe(&key("a", name), &seen(NEW, Health::Broken), at(2));
    }
    fleet.observe(&key("a", 6), &seen(NEW, Health::Down), at(2));
    assert_eq!(fleet.admit(&key("a", 11), 20, at(2)), Verdict::Stopped);
    fleet.observe(&key("a", 3), &seen(NEW, Health::Up), at(3));
    assert_eq!(fleet.admit(&key("a", 11), 20, at(3)), Verdict::Go);
}

#[test]
fn one_that_does_not_come_up_in_time_has_failed() {
    let mut fleet = fleet(&[("a", 20)]);
    admitted(&mut fleet, "a", 20, 3);
    for name in 0..3 {
        fleet.observe(&key("a", name), &seen(NEW, Health::Down), at(299));
    }
    assert_eq!(fleet.admit(&key("a", 9), 10, at(299)), Verdict::Go);
    for name in 0..3 {
        fleet.observe(&key("a", name), &seen(NEW, Health::Down), at(301));
    }
    assert_eq!(fleet.admit(&key("a", 10), 10, at(301)), Verdict::Stopped);
}

#[test]
fn one_that_is_down_anyway_is_upgraded_and_counts_for_nothing() {
    let mut fleet = fleet(&[("a", 3), ("canary", 1)]);
    fleet.observe(&key("canary", 0), &seen(OLD, Health::Broken), at(0));
    assert_eq!(fleet.admit(&key("canary", 0), 1, at(0)), Verdict::Go);
    fleet.observe(&key("canary", 0), &seen(NEW, Health::Broken), at(1));
    assert_eq!(fleet.admit(&key("a", 0), 1, at(1)), Verdict::Go);
}

#[test]
fn a_restarted_operator_counts_those_that_were_on_their_way() {
    let mut fleet = fleet(&[("a", 10)]);
    for name in 10..12 {
        fleet.begin(key("b", name), &seen(NEW, Health::Down), at(0));
    }
    assert_eq!(admitted(&mut fleet, "a", 10, 5), 3);
}

#[test]
fn one_that_is_deleted_frees_its_place() {
    let mut fleet = fleet(&[("a", 3)]);
    assert_eq!(admitted(&mut fleet, "a", 3, 1), 1);
    assert_eq!(fleet.forget(&key("a", 0)), [key("a", 1)]);
    assert_eq!(fleet.len(), 2);
    assert_eq!(fleet.admit(&key("a", 1), 1, at(0)), Verdict::Go);
}

#[test]
fn an_image_of_the_linked_device_takes_its_turn() {
    let mut fleet = fleet(&[("a", 1)]);
    let (old, new) = (key("b", 0), key("b", 1));
    for (key, device, verdict) in [
        (&old, "whatsapp@sha256:old", Verdict::Full),
        (&new, DEVICE, Verdict::Go),
    ] {
        let seen = Seen {
            images: Some(images(NEW, Some(device))),
            health: Health::Up,
        };
        fleet.observe(key, &seen, at(0));
        assert_eq!(fleet.admit(key, 0, at(0)), verdict);
    }
}

#[test]
fn a_new_session_has_nothing_to_wait_for() {
    let mut fleet = fleet(&[("a", 1)]);
    let new = key("b", 0);
    let none = Seen {
        images: None,
        health: Health::Down,
    };
    fleet.observe(&new, &none, at(0));
    assert_eq!(fleet.admit(&new, 0, at(0)), Verdict::Go);
    assert_eq!(fleet.down, 0);
}
