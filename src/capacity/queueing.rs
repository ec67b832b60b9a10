//! How many places a load needs. Assumed: arrivals without memory (Poisson), exponential holding times, one queue in order of arrival,
//! nobody gives up, and a load that stays as it is in its busiest minute. Burstier arrivals need more.

/// Loads beyond this are no pools.
const LARGEST: f64 = 1e6;

/// Little's law, L = λ·W (Little, Operations Research 9, 1961): places in use on average.
pub fn offered(arrivals_per_s: f64, hold_s: f64) -> f64 {
    arrivals_per_s * hold_s
}

/// The probability that an arrival finds all places taken and waits: Erlang's C formula (Erlang, 1917), by the stable recursion of his B
/// formula. 1 where the load is as large as the places or larger.
pub fn waiting(offered: f64, places: f64) -> f64 {
    let places = places.floor();
    if offered <= 0.0 {
        return 0.0;
    }
    if places < 1.0 || offered >= places || offered > LARGEST {
        return 1.0;
    }
    let mut blocked = 1.0;
    for n in 1..=(places as u64) {
        blocked = offered * blocked / (n as f64 + offered * blocked);
    }
    of_blocked(blocked, offered, places)
}

fn of_blocked(blocked: f64, offered: f64, places: f64) -> f64 {
    blocked / (1.0 - offered / places * (1.0 - blocked))
}

/// The fewest places at which at most `most` of the arrivals wait. For large loads that is about `offered + β·√offered`, the square-root
/// rule of Halfin and Whitt ("Heavy-traffic limits for queues with many exponential servers", Operations Research 29, 1981).
pub fn needed(offered: f64, most: f64) -> u64 {
    if offered <= 0.0 {
        return 1;
    }
    let offered = offered.min(LARGEST);
    let mut blocked = 1.0;
    let mut places = 0.0;
    loop {
        places += 1.0;
        blocked = offered * blocked / (places + offered * blocked);
        if places > offered && of_blocked(blocked, offered, places) <= most {
            return places as u64;
        }
    }
}

/// The largest multiple of the load at which `places` still do, found by bisection to within 1 %.
pub fn headroom(offered: f64, places: f64, most: f64) -> f64 {
    if offered <= 0.0 {
        return f64::INFINITY;
    }
    largest(places / offered, &|times| waiting(offered * times, places) <= most)
}

/// The largest value up to `most` for which a condition holds that does not come back once it is lost.
pub fn largest(most: f64, holds: &dyn Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, most);
    while high - low > 0.005 * high.max(1e-6) {
        let middle = f64::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Erlang's tables.
    #[test]
    fn probabilities_of_waiting() {
        for (offered, places, expected) in
            [(0.0, 5.0, 0.0), (1.0, 1.0, 1.0), (0.5, 1.0, 0.5), (2.0, 3.0, 0.4444), (10.0, 12.0, 0.4494), (10.0, 0.0, 1.0), (5.0, 4.0, 1.0)]
        {
            let found = waiting(offered, places);
            assert!((found - expected).abs() < 1e-3, "{offered} {places}: {found}");
        }
    }

    #[test]
    fn needed_places_are_the_fewest_that_do() {
        for offered in [0.01, 0.5, 3.0, 47.0, 900.0] {
            for most in [0.2, 0.01, 1e-4] {
                let places = needed(offered, most) as f64;
                assert!(waiting(offered, places) <= most, "{offered} {most}");
                assert!(places < 2.0 || waiting(offered, places - 1.0) > most, "{offered} {most}");
            }
        }
        assert_eq!(needed(0.0, 0.01), 1);
    }

    #[test]
    fn headroom_ends_where_waiting_begins() {
        let times = headroom(2.0, 10.0, 0.01);
        assert!(waiting(2.0 * times, 10.0) <= 0.01 && waiting(2.0 * times * 1.02, 10.0) > 0.01, "{times}");
        assert!(headroom(0.0, 10.0, 0.01).is_infinite());
        assert!(headroom(20.0, 10.0, 0.01) < 0.5);
    }
}
