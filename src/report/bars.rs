//! A row of numbers as a row of bars.
//!
//! Knows heights only.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BARS: [char; 8] = ['_', '.', '-', ':', '=', '+', '*', '#'];

/// One bar a value, from the lowest value, or 0, to the highest; a value that is not finite leaves a blank.
pub fn row(values: &[f64], unicode: bool) -> Vec<char> {
    let signs = if unicode { BARS } else { ASCII_BARS };
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let low = finite().fold(0.0, f64::min);
    let high = finite().fold(low, f64::max);
    let bar = |&value: &f64| match value {
        v if !v.is_finite() => ' ',
        v if v <= low => signs[0],
        v => signs[1 + ((v - low) / (high - low) * 6.0).round() as usize],
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_nothing_to_the_highest() {
        let check = |values: &[f64], expected: &str| assert_eq!(row(values, true).iter().collect::<String>(), expected);
        check(&[], "");
        check(&[0.0, 0.0], "▁▁");
        check(&[0.0, 1.0, 4.0, 8.0, f64::NAN], "▁▃▅█ ");
        check(&[-2.0, 0.0], "▁█");
        assert_eq!(row(&[0.0, 5.0], false), ['_', '#']);
    }
}
