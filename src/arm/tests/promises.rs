//! What no schedule of answers can make the client do: send a write twice that may have been done, outlast the deadline, or
//! send a token to another origin.

use super::world::{Lost, Play, Sent, World, answer, error, lost, s};
use crate::url::Url;

/// A small generator (xorshift64*, Marsaglia): the schedules are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn of(&mut self, sides: u64) -> u64 {
        (self.next() >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.of(from.len() as u64)).unwrap()]
    }
}

const LINKS: [&str; 9] = [
    "https://management.azure.com/next",
    "https://MANAGEMENT.azure.com:443/next?$skiptoken=x",
    "https://westus.management.azure.com/next",
    "/next",
    "https://evil.example/next",
    "http://management.azure.com/next",
    "https://management.azure.com.evil.example/next",
    "https://management.azure.com@evil.example/next",
    "//evil.example/next",
];

const STATUSES: [u16; 22] =
    [200, 200, 200, 201, 202, 202, 204, 301, 307, 400, 401, 403, 404, 408, 409, 412, 429, 500, 502, 503, 503, 504];
const CODES: [&str; 6] = [
    "AuthorizationFailed",
    "MissingSubscriptionRegistration",
    "SubscriptionNotFound",
    "TooManyRequests",
    "Conflict",
    "RequestDisallowedByPolicy",
];
const LOSSES: [Lost; 6] = [Lost::Refused, Lost::Handshake, Lost::Untrusted, Lost::Cut, Lost::Malformed, Lost::Silent];

fn play(dice: &mut Dice) -> Play {
    if dice.of(4) == 0 {
        return lost(dice.pick(&LOSSES)).after(s(dice.of(20)));
    }
    let status = dice.pick(&STATUSES);
    let link = dice.pick(&LINKS);
    let mut play = match (status, dice.of(4)) {
        (400.., _) => error(status, dice.pick(&CODES)),
        (_, 0) => answer(status, &format!(r#"{{"value":[1,2],"nextLink":"{link}"}}"#)),
        (_, 1) => answer(status, r#"{"status":"Running","properties":{"provisioningState":"Updating"}}"#),
        (_, 2) => answer(status, r#"{"status":"Succeeded","value":[]}"#),
        _ => answer(status, r#"{"value":[]}"#),
    };
    for name in ["Location", "Azure-AsyncOperation", "Operation-Location"] {
        if dice.of(4) == 0 {
            play = play.with(name, dice.pick(&LINKS));
        }
    }
    if dice.of(3) == 0 {
        play = play.with("Retry-After", &dice.of(90).to_string());
    }
    if dice.of(8) == 0 {
        play = play.cut();
    }
    play.after(s(dice.of(40)))
}

/// Whether the service may have done what it was asked in this exchange.
fn may_be_done(play: &str) -> bool {
    let lost = ["Lost(Cut)", "Lost(Malformed)", "Lost(Silent)"].iter().any(|how| play.contains(how));
    let status = |status: u16| play.contains(&format!("status: {status},"));
    lost || (200..300).any(status)
        || [408, 500, 502, 504].into_iter().any(status)
        || status(503) && !play.contains("Retry-After")
}

fn goes_to_azure(sent: &Sent) -> bool {
    let url = Url::parse(&sent.url).unwrap();
    let host = url.host.to_ascii_lowercase();
    url.https && url.port == 443 && (host == "management.azure.com" || host == "westus.management.azure.com")
}

#[test]
fn no_schedule_breaks_a_promise() {
    let mut tried = 0;
    for seed in 1..=20_000u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let plays: Vec<Play> = (0..12).map(|_| play(&mut dice)).collect();
        let world = World::new(plays.clone()).otherwise(lost(Lost::Silent));
        let world = world.with_chance(u32::try_from(dice.next() >> 32).unwrap());
        let method = dice.pick(&["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"]);
        let mut request = world.client().request(method, "/subscriptions/s/x").deadline(s(300));
        if dice.of(2) == 0 {
            request = request.retry_forbidden(s(200));
        }
        if dice.of(3) == 0 {
            request = request.register_provider();
        }
        let waits = dice.of(2) == 0;
        let pages = !waits && matches!(method, "GET" | "POST");
        if pages {
            let _ = request.pages().count();
        } else if let Ok(answer) = request.send() {
            let left = s(300).saturating_sub(world.elapsed());
            let _ = if waits { answer.wait_for(left) } else { Ok(answer) };
        }
        let sent = world.sent();
        tried += sent.len();
        assert!(world.elapsed() <= s(300), "seed {seed}: {:?}", world.elapsed());
        for sent in sent.iter().filter(|sent| sent.bearer.is_some()) {
            assert!(goes_to_azure(sent), "seed {seed}: {}", sent.url);
        }
        for (at, first) in sent.iter().enumerate().filter(|(_, sent)| matches!(sent.method.as_str(), "POST" | "PATCH"))
        {
            let played = plays.get(at).map_or_else(|| "Lost(Silent)".to_owned(), |play| format!("{play:?}"));
            if may_be_done(&played) {
                let again =
                    sent.iter().skip(at + 1).any(|later| later.method == first.method && later.url == first.url);
                assert!(
                    !again || pages && played.contains("status: 2"),
                    "seed {seed}: {} twice after {played}",
                    first.method
                );
            }
        }
    }
    assert!(tried > 30_000, "the schedules end too soon: {tried} requests");
}
