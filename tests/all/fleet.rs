//! Fleets against the published limits: that our own policy drains them, and that the model is right about the others.

use std::time::Duration;

use azmin::simulator::fleet::{Fleet, Policy};

type Limited = fn(u32) -> Fleet;

#[test]
fn all_of_a_fleet_succeed_in_little_more_than_the_ideal_time() {
    let fleets: [(&str, Limited, u32, f64); 4] = [
        ("shared", Fleet::shared_identity, 10_000, 390.0),
        ("own", Fleet::own_identities, 100_000, 256.7),
        ("vault", Fleet::key_vault, 100_000, 240.0),
        // Nobody is served before the last machine boots.
        ("small", Fleet::own_identities, 10_000, 30.0),
    ];
    for (name, limited, agents, ideal) in fleets {
        for (told, fleet) in [("5 s", limited(agents).retry_after(5)), ("nothing", limited(agents))] {
            assert!((fleet.ideal().as_secs_f64() - ideal).abs() < 0.1, "{name}: {:?}", fleet.ideal());
            for seed in 1..=2 {
                let drain = fleet.run(Policy::Azmin, seed);
                assert_eq!(drain.succeeded(), agents, "{name}, told {told}");
                let ratio = drain.last_success().as_secs_f64() / ideal;
                assert!(ratio <= 1.15, "{name}, told {told}, seed {seed}: {ratio}");
                let each = f64::from(drain.requests()) / f64::from(agents);
                assert!(each < 12.0, "{name}, told {told}, seed {seed}: {each} requests each");
            }
        }
    }
}

/// The figures are those of an earlier model, written by somebody else: percent that succeed, and requests each.
#[test]
fn the_others_give_up() {
    use Policy::{AzcoreGo, AzureCorePython, AzureCoreRust, Curl, Once};
    let (shared, own) = (Fleet::shared_identity(10_000), Fleet::own_identities(100_000));
    for (policy, shared_told, shared_untold, requests, own_least, own_most) in [
        (Once, 10.0, 10.0, (1.0, 1.0), 15.0, 15.0),
        (AzcoreGo, 13.7, 12.7, (3.7, 3.7), 19.0, 21.0),
        (AzureCorePython, 13.7, 11.2, (3.7, 3.7), 17.0, 21.0),
        (Curl, 16.2, 17.7, (5.5, 5.5), 24.0, 27.0),
        (AzureCoreRust, 26.3, 30.5, (7.2, 8.1), 40.0, 46.0),
    ] {
        let percent = |fleet: &Fleet, agents: f64| {
            let drain = fleet.run(policy, 1);
            (100.0 * f64::from(drain.succeeded()) / agents, f64::from(drain.requests()) / agents)
        };
        let close = |(found, each): (f64, f64), least: f64, most: f64| {
            assert!(least - 0.6 < found && found < most + 0.6, "{policy}: {found} %, not {least} to {most}");
            assert!((requests.0 - 1.0..requests.1 + 0.15).contains(&each), "{policy}: {each} requests each");
        };
        close(percent(&shared.clone().retry_after(5), 10_000.0), shared_told, shared_told);
        close(percent(&shared, 10_000.0), shared_untold, shared_untold);
        close(percent(&own.clone().retry_after(5), 100_000.0), own_least, own_most);
        close(percent(&own, 100_000.0), own_least, own_most);
    }
}

/// In 15 minutes after the last boot, 250 + 25 × 930 are let through, whoever asks.
#[test]
fn a_fleet_that_is_too_large_uses_the_limit_to_its_deadline() {
    let drain = Fleet::shared_identity(40_000).retry_after(5).run(Policy::Azmin, 1);
    assert!((22_500..=23_500).contains(&drain.succeeded()), "{drain:?}");
    assert!(drain.last_success() < Duration::from_secs(930), "{drain:?}");
}

/// Azcore does not come back to who asks for more than a minute, and nobody comes back after the deadline.
#[test]
fn what_a_refusal_asks_for_is_heard() {
    let fleet = Fleet::shared_identity(2000);
    for (seconds, policy, succeeded) in [
        (61, Policy::AzcoreGo, 1000),
        (901, Policy::Azmin, 1000),
        (901, Policy::Curl, 1000),
        (60, Policy::AzcoreGo, 2000),
        (300, Policy::Azmin, 2000),
    ] {
        let drain = fleet.clone().retry_after(seconds).run(policy, 1);
        assert!(drain.succeeded().abs_diff(succeeded) < 20, "{policy}, {seconds} s: {drain:?}");
    }
}

#[test]
fn a_seed_repeats_itself() {
    let fleet = Fleet::shared_identity(1000);
    assert_eq!(fleet.run(Policy::Azmin, 7), fleet.run(Policy::Azmin, 7));
    assert_ne!(fleet.run(Policy::Azmin, 7), fleet.run(Policy::Azmin, 8));
}
