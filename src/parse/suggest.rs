//! The word of a closed list that a misspelt word probably stands for. It knows nothing of what the words mean.

use strsim::osa_distance;

/// The candidate nearest to `word`, where it is near enough to be a slip of the pen: at most a third of its letters differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = bounded(word);
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&word, &bounded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean "x"?)`, or nothing.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|found| format!(" (did you mean \"{found}\"?)")).unwrap_or_default()
}

fn bounded(word: &str) -> String {
    word.chars().take(64).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let words = ["deploy", "config", "flag", "rollback"];
        for (word, expected) in [
            ("depoly", Some("deploy")),
            ("Confg", Some("config")),
            ("flags", Some("flag")),
            ("rolback", Some("rollback")),
            ("", None),
            ("banana", None),
        ] {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
        assert_eq!(hint("flga", words), " (did you mean \"flag\"?)");
        assert_eq!(hint("xyzzy", words), "");
    }
}
