//! Template mining: distinct masked messages to the statements of the program that wrote them.
//!
//! Counting is done before, on masked texts; mining sees each distinct text once, when all shards are merged. So the result
//! depends neither on the order of lines nor on how they were split, and costs nothing per line. Three steps, each a reason
//! why two texts are one template:
//!
//! 1. they have the same coarse form ([`super::shape`]);
//! 2. they differ in what is optional around a variable: units, an empty bracket, the length of a list of values;
//! 3. they differ in one place, which holds many words, or words that are names by what stands before them ("star" of texts
//!    around that place, as in the bidirectional tree of Brain, Yu et al., IEEE TSC 2023). A word that says how something
//!    went is never given up, nor is the first word, nor one in capitals among few.
//!
//! Names learned in step 3 are known as names at the same place in rarer messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::shape::{self, WORD, regex};
use super::symbols::{Symbol, Symbols};
use super::tokens::VARIABLE;
use super::words;

/// Distinct words that make any place a variable.
const MANY_WORDS: usize = 6;
/// Distinct words that make a place a variable after `user`, `host`, … or after `=`.
const FEW_WORDS: usize = 3;
/// Distinct words that do where one of them is masked already, or all hold a digit.
const TWO_WORDS: usize = 2;
/// Generalising one place can bring texts together that differ in another; more rounds than variables in a message help nobody.
const ROUNDS: usize = 4;

/// The template of each masked text, in the order of the texts given.
pub fn mine(masked: &[&str]) -> Vec<String> {
    let mut templates: Vec<String> = masked.iter().map(|text| shape::coarse(text)).collect();
    join_optional_parts(&mut templates);
    let mut names = FxHashSet::default();
    for _ in 0..ROUNDS {
        let distinct: Vec<String> = templates.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let changed = generalised(&distinct, &mut names);
        if changed.is_empty() {
            break;
        }
        for template in &mut templates {
            if let Some(new) = changed.get(template) {
                template.clone_from(new);
            }
        }
    }
    templates
}

/// Texts that differ only in optional parts get their common form; the others keep theirs.
fn join_optional_parts(templates: &mut [String]) {
    let mut forms: FxHashMap<String, Option<&str>> = FxHashMap::default();
    let loose: Vec<String> = templates.iter().map(|t| without_optional_parts(t)).collect();
    for (form, template) in loose.iter().zip(templates.iter()) {
        let first = forms.entry(form.clone()).or_insert(Some(template));
        if *first != Some(template) {
            *first = None;
        }
    }
    let shared: FxHashSet<String> = forms.into_iter().filter(|(_, only)| only.is_none()).map(|(form, _)| form).collect();
    for (template, form) in templates.iter_mut().zip(loose) {
        if shared.contains(&form) {
            *template = form;
        }
    }
}

static UNITS: LazyLock<[(Regex, &'static str); 3]> = LazyLock::new(|| {
    const UNIT: &str = "(?:[kKMGTP]?i?B|bytes?|[KMG]?[bB]it/s|ns|us|ms|msec|s|secs?|seconds?|mins?|minutes?|hours?|days?)";
    [
        (regex("<<\\*>"), VARIABLE),
        (regex(&format!("<\\*> {UNIT} \\(<\\*> ?{UNIT}?\\)")), VARIABLE),
        (regex(&format!("<\\*> {UNIT}(?-u:\\b)")), VARIABLE),
    ]
});

static LISTS: LazyLock<[(Regex, &'static str); 2]> =
    LazyLock::new(|| [(regex(r"<\*>(?:,<\*>)+"), VARIABLE), (regex(&format!("^[{WORD}.-]*[:@#]<\\*>")), VARIABLE)]);

/// Without units, with something in empty brackets and quotes, with one value for a list of values.
fn without_optional_parts(template: &str) -> String {
    let mut text = template.replace("<<*> ", "<*> ");
    for (pattern, by) in UNITS.iter() {
        text = pattern.replace_all(&text, *by).into_owned();
    }
    for (empty, filled) in [("()", "(<*>)"), ("[]", "[<*>]"), ("\"\"", "\"<*>\"")] {
        text = text.replace(empty, filled);
    }
    let mut out: Vec<String> = Vec::new();
    for token in text.split(' ') {
        let mut token = token.to_owned();
        if token.contains(VARIABLE) && !token.contains('=') {
            for (pattern, by) in LISTS.iter() {
                token = pattern.replace_all(&token, *by).into_owned();
            }
        }
        if !(token == VARIABLE && out.last().is_some_and(|last| last == VARIABLE)) {
            out.push(token);
        }
    }
    out.join(" ")
}

/// A text cut into words and signs.
type Pieces = Vec<Symbol>;

/// One place of texts that are alike in all others: the words there, with the text each stands in.
type Star = BTreeSet<(String, usize)>;

/// Old and new form of the texts that change.
fn generalised(texts: &[String], names: &mut FxHashSet<(String, String)>) -> BTreeMap<String, String> {
    let mut symbols = Symbols::default();
    let pieces: Vec<Pieces> = texts.iter().map(|t| split(t).map(|piece| symbols.intern(piece)).collect()).collect();
    let mut stars = stars(&pieces, &symbols);
    stars.sort_by(|a, b| (b.2.len(), a.0, a.1).cmp(&(a.2.len(), b.0, b.1)));
    let mut changed = BTreeMap::new();
    for (example, place, words) in stars {
        let before = word_before(&pieces[example], place, &symbols);
        let new = with_variable_at(&pieces[example], place, &symbols);
        for (word, text) in words {
            if word != VARIABLE {
                names.insert((before.clone(), word));
            }
            changed.entry(texts[text].clone()).or_insert_with(|| new.clone());
        }
    }
    for (text, pieces) in texts.iter().zip(&pieces) {
        if !changed.contains_key(text)
            && let Some(new) = with_known_names(pieces, &symbols, names)
        {
            changed.insert(text.clone(), new);
        }
    }
    changed.retain(|old, new| old != new);
    changed
}

/// The places that are variables: (one of the texts, the place, the words there).
fn stars(pieces: &[Pieces], symbols: &Symbols) -> Vec<(usize, usize, Star)> {
    let mut around: FxHashMap<(usize, usize, u64, u64), Vec<usize>> = FxHashMap::default();
    for (text, pieces) in pieces.iter().enumerate() {
        let whole = pieces.iter().enumerate().fold((0, 0), |sum, (at, piece)| plus(sum, hash(*piece, at)));
        for place in open_places(pieces, symbols) {
            let own = hash(pieces[place], place);
            let key = (pieces.len(), place, whole.0 ^ own.0, whole.1.wrapping_sub(own.1));
            around.entry(key).or_default().push(text);
        }
    }
    let mut found = Vec::new();
    for ((_, place, _, _), texts) in around.into_iter().filter(|(_, texts)| texts.len() > 1) {
        let words: Star = texts.iter().map(|&text| (symbols.text(pieces[text][place]).to_owned(), text)).collect();
        if let Some(words) = variable_words(words, &pieces[texts[0]], place, symbols) {
            found.push((texts[0], place, words));
        }
    }
    found
}

/// Two sums over the pieces, so that different texts practically never fall together.
fn hash(piece: Symbol, at: usize) -> (u64, u64) {
    let seed =
        (u64::from(piece.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add((at as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03));
    let mixed = (seed ^ (seed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32), mixed.wrapping_mul(0x94d0_49bb_1331_11eb) ^ (mixed >> 27))
}

fn plus(sum: (u64, u64), one: (u64, u64)) -> (u64, u64) {
    (sum.0 ^ one.0, sum.1.wrapping_add(one.1))
}

/// The places of words that may be given up: not the first word, none that carries an outcome.
fn open_places<'p>(pieces: &'p Pieces, symbols: &'p Symbols) -> impl Iterator<Item = usize> + 'p {
    let is_word = |piece: &Symbol| symbols.text(*piece).contains(|c: char| c.is_alphanumeric());
    let first = pieces.iter().position(|piece| is_word(piece) || symbols.text(*piece) == VARIABLE).unwrap_or(0);
    (first + 1..pieces.len()).filter(move |&at| {
        let text = symbols.text(pieces[at]);
        text == VARIABLE || (is_word(&pieces[at]) && !words::is_outcome(text))
    })
}

/// The words of a star that its place is a variable for; `None` where it is not.
fn variable_words(words: Star, pieces: &Pieces, place: usize, symbols: &Symbols) -> Option<Star> {
    let assigned = place > 0 && symbols.text(pieces[place - 1]) == "=";
    let capitals = words.iter().filter(|(word, _)| words::is_capitals(word)).count();
    if capitals * 2 >= words.len() && !assigned {
        return None;
    }
    let keep_capitals = capitals > 0 && words.len() < MANY_WORDS && !assigned;
    let words: Star = if keep_capitals { words.into_iter().filter(|(word, _)| !words::is_capitals(word)).collect() } else { words };
    let masked = words.iter().any(|(word, _)| word == VARIABLE);
    let numbered = words.iter().all(|(word, _)| word == VARIABLE || word.bytes().any(|b| b.is_ascii_digit()));
    let named = assigned || words::introduces_a_name(&word_before(pieces, place, symbols));
    let needed = match () {
        () if masked || numbered => TWO_WORDS,
        () if named => FEW_WORDS,
        () => MANY_WORDS,
    };
    (words.len() >= needed).then_some(words)
}

/// The word before a place, in lower case.
fn word_before(pieces: &Pieces, place: usize, symbols: &Symbols) -> String {
    let before = pieces[..place].iter().rev().map(|piece| symbols.text(*piece));
    let mut words = before.filter(|text| *text == VARIABLE || text.contains(|c: char| c.is_alphanumeric()));
    words.next().unwrap_or("").to_lowercase()
}

fn with_variable_at(pieces: &Pieces, place: usize, symbols: &Symbols) -> String {
    let piece = |(at, piece): (usize, &Symbol)| if at == place { VARIABLE } else { symbols.text(*piece) };
    pieces.iter().enumerate().map(piece).collect()
}

/// Names that were learned after the same word elsewhere become variables.
fn with_known_names(pieces: &Pieces, symbols: &Symbols, names: &FxHashSet<(String, String)>) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let known = |place: &usize| {
        let text = symbols.text(pieces[*place]);
        text != VARIABLE && names.contains(&(word_before(pieces, *place, symbols), text.to_owned()))
    };
    let places: Vec<usize> = open_places(pieces, symbols).filter(known).collect();
    let piece = |(at, piece): (usize, &Symbol)| if places.contains(&at) { VARIABLE } else { symbols.text(*piece) };
    (!places.is_empty()).then(|| pieces.iter().enumerate().map(piece).collect())
}

/// Words, variables, and the signs between them.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = if rest.starts_with(VARIABLE) { VARIABLE.len() } else { piece_length(rest) };
        let (piece, after) = rest.split_at(length);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn piece_length(text: &str) -> usize {
    const SIGNS: [char; 16] = [' ', '\t', '=', ',', ';', ':', '(', ')', '[', ']', '{', '}', '>', '"', '\'', '|'];
    let first = text.chars().next();
    match first {
        None => 0,
        Some(sign) if SIGNS.contains(&sign) || sign == '<' => sign.len_utf8(),
        Some(_) => text.find(|c| SIGNS.contains(&c) || c == '<').unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tokens::mask;
    use super::*;

    fn check(lines: &[&str], expected: &[&str]) {
        let masked: Vec<String> = lines.iter().map(|line| mask(line)).collect();
        let templates = mine(&masked.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(templates, expected);
    }

    #[test]
    fn nothing_and_one() {
        check(&[], &[]);
        check(&["", "started"], &["", "started"]);
    }

    #[test]
    fn an_outcome_is_never_given_up() {
        let verbs = ["opened", "closed", "failed", "accepted", "started", "stopped", "refused"];
        let lines: Vec<String> = verbs.iter().map(|verb| format!("port {verb} again")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&lines, &lines);
    }

    #[test]
    fn names_are_given_up_after_few_and_words_after_many() {
        check(
            &["login of user ann ok", "login of user bob ok", "login of user cyd ok", "mail to user ann sent"],
            &["login of user <*> ok", "login of user <*> ok", "login of user <*> ok", "mail to user <*> sent"],
        );
        check(&["the red bus", "the blue bus", "the green bus"], &["the red bus", "the blue bus", "the green bus"]);
        let colours = ["red", "blue", "green", "black", "white", "grey"];
        let lines: Vec<String> = colours.iter().map(|colour| format!("the {colour} bus")).collect();
        check(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &["the <*> bus"; 6]);
    }

    #[test]
    fn first_words_and_capitals_stay() {
        let tools = ["sed", "awk", "cut", "sort", "uniq", "tee", "cat"];
        let lines: Vec<String> = tools.iter().map(|tool| format!("{tool} came back")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&lines, &lines);
        let states = ["moved from NEW on", "moved from RUNNING on", "moved from KILLED on", "moved from IDLE on"];
        check(&states, &states);
    }

    #[test]
    fn optional_parts_do_not_split_a_message() {
        check(&["sent 12 bytes ok", "sent 1313 bytes (1.28 KB) ok"], &["sent <*> ok"; 2]);
        check(&["from 10.0.0.1 () at noon", "from 10.0.0.2 (h-1.a.example.com) at noon"], &["from <*> (<*>) at noon"; 2]);
        check(&["ids 1, 2, 3, 4", "ids 7"], &["ids <*>, <*>, <*>, <*>", "ids <*>"]);
        check(&["stack @0x1 @0x2 @0x3", "stack @0x1 @0x2"], &["stack <*>"; 2]);
        check(&["used 12 MB"], &["used <*> MB"]);
    }

    proptest! {
        #[test]
        fn order_cannot_be_seen(lines in proptest::collection::vec("(user|host|took|the) [a-c]{1,2} (ok|failed|[0-9]{1,3}ms)", 1..30)) {
            let masked: Vec<String> = lines.iter().map(|line| mask(line)).collect();
            let forward: Vec<&str> = masked.iter().map(String::as_str).collect();
            let backward: Vec<&str> = forward.iter().rev().copied().collect();
            let mut templates = mine(&backward);
            templates.reverse();
            prop_assert_eq!(mine(&forward), templates);
        }
    }
}
