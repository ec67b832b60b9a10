//! The words that a diff puts in or takes out, to be looked for in messages.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::changed_lines;

/// Words of at most this many letters are too common to mean anything.
const SHORT: usize = 3;
/// More words than this are a rewrite, in which no single word tells anything.
const MAX_WORDS: usize = 2_000;

/// Words of programming languages and of prose that every diff and every log has.
const COMMON: &str = "\
    about abstract after also alter append args array assert async await backfill base because before begin bigint bool boolean \
    break byte bytes call cascade case catch char class close code column commit concurrently config const constraint constructor \
    context continue count create created data date datetime debug decimal default defer delete description dict distinct does done \
    double drop each elif else endif enum error errors except exception exec exists export extends false fetch field fields file \
    final finally first float foreach foreign format from func function global group have having header headers here http https impl \
    implements import index info init inner insert instanceof integer interface internal into item items join json just kwargs label \
    lambda last left length level limit line list load local logger logging long loop main make match message method model module \
    more must name namespace native next none null number numeric object offset only open option order outer override package param \
    params parse pass path primary print printf println private protected public query raise range read references request require \
    response result results return returns right rollback rows same select self send server service short should size some start \
    state static status stop string strings struct super switch table test text than that their then there this throw throws time \
    timeout timestamp todo trait transaction true type typeof undefined union unique unit unsigned update updated used user uses \
    using utils value values varchar void warn warning were when where while will with without write yield your";

static COMMON_WORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| COMMON.split_whitespace().collect());

/// Identifiers and words that only the added or only the removed lines have, whole (`snake_case`, `camelCase`) and in parts: lower-case,
/// longer than three letters, without what every program says; sorted, each once. Where both sides have the same words, all of them.
pub fn words(diff: &str) -> Vec<String> {
    let (removed, added) = changed_lines(diff);
    let (old, new) = (words_of(&removed), words_of(&added));
    let kept: Vec<String> = old.symmetric_difference(&new).take(MAX_WORDS).cloned().collect();
    if kept.is_empty() { old.into_iter().take(MAX_WORDS).collect() } else { kept }
}

fn words_of(lines: &[&str]) -> BTreeSet<String> {
    let code = lines.iter().map(|line| without_comment(line));
    let identifiers = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let whole_and_parts = |identifier: &str| parts(identifier).into_iter().chain([identifier.trim_matches('_').to_lowercase()]);
    identifiers.flat_map(whole_and_parts).filter(|word| tells(word)).collect()
}

/// The line up to a comment, which no program says: a mark at its beginning, or behind a blank and before one. Configuration files that come
/// with a program are prose for the most part.
fn without_comment(line: &str) -> &str {
    let begins = |mark: &str| line.trim_start().starts_with(mark);
    if ["#", "//", "--", ";", "/*"].iter().any(|mark| begins(mark)) {
        return "";
    }
    let ends = [" # ", "\t# ", " // ", " -- "].iter().filter_map(|mark| line.find(mark)).min();
    ends.map_or(line, |end| &line[..end])
}

fn tells(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    letters > SHORT && word.len() <= 80 && !COMMON_WORDS.contains(word)
}

/// `maxPoolSize` and `max_pool_size` are `max`, `pool`, `size`.
fn parts(identifier: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = '_';
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && before.is_lowercase()) {
            parts.push(String::new());
        }
        if c != '_'
            && let Some(part) = parts.last_mut()
        {
            part.extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_differ() {
        for (diff, expected) in [
            ("", ""),
            ("@@ -1 +1 @@\n-total = price(basket)\n+total = price(basket) - rebate_for(basket)\n", "rebate rebate_for"),
            ("@@ -1 +1 @@\n-String oldName = x;\n+String customerGroup = y;\n", "customer customergroup oldname"),
            ("@@ -1,2 +1,2 @@\n-alpha()\n beta()\n+alpha()\n", "alpha"),
            ("@@ -0,0 +1,2 @@\n+for i in range(10): return None\n+    tariffs.lookup(zone=Zone.EAST)\n", "east lookup tariffs zone"),
            (
                "@@ -0,0 +1,3 @@\n+#listen_addresses = x\n+max_parcels = 40   # (change requires restart)\n+    // parcels go out\n",
                "max_parcels parcels",
            ),
            ("@@ -0,0 +1,2 @@\n+url = http://tariffs.example/#east\n+colour = #ffaa00\n", "colour east example ffaa00 tariffs"),
            ("no diff at all: Überweisung", "diff überweisung"),
        ] {
            assert_eq!(words(diff).join(" "), expected, "{diff}");
        }
    }
}
