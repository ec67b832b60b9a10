//! The tables that a migration works on, from its SQL or from the calls of migration libraries.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::changed_lines;

/// A table's name, perhaps quoted and with its schema.
const NAME: &str = r#"((?:["`\[]?[A-Za-z_]\w*["`\]]?\.)?["`\[]?[A-Za-z_][\w$]*["`\]]?)"#;

/// What stands before a table's name in SQL.
const STATEMENTS: &[&str] = &[
    r"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?",
    r"(?:create|rename)\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?",
    r"drop\s+table\s+(?:if\s+exists\s+)?",
    r"truncate\s+(?:table\s+)?(?:only\s+)?",
    r"(?:create|drop)\s+(?:unique\s+|fulltext\s+|spatial\s+)?index\s+[^;]*?\bon\s+(?:only\s+)?",
    r"(?:create|drop)\s+(?:constraint\s+)?(?:trigger|policy|rule)\s+[^;]*?\bon\s+",
    r"(?:^|;|\bthen\s|\bbegin\s)\s*update\s+(?:only\s+)?",
    r"insert\s+(?:ignore\s+)?into\s+",
    r"replace\s+into\s+",
    r"delete\s+from\s+(?:only\s+)?",
    r"lock\s+tables?\s+(?:only\s+)?",
    r"vacuum\s+(?:\(?full\)?\s+|analyze\s+|verbose\s+)*",
    r"reindex\s+table\s+(?:concurrently\s+)?",
    r"cluster\s+",
    r"references\s+",
    r"copy\s+",
];

/// Calls of Alembic, Rails, Knex, Flyway's Java migrations and others whose first text is a table.
const CALLS: &str = r#"\b(?:add_column|drop_column|remove_column|alter_column|rename_column|change_column(?:_null|_default)?|create_table|drop_table|rename_table|change_table|add_index|remove_index|add_reference|add_foreign_key|batch_alter_table|alterTable|createTable|dropTable|addColumn|dropColumn|renameColumn|addIndex)\s*\(?\s*[:'"](\w+)"#;

/// Alembic names the index before its table.
const INDEX_CALLS: &str = r#"\b(?:create_index|drop_index)\s*\(\s*(?:op\.f\()?['"][^'"]*['"]\)?\s*,\s*(?:table_name\s*=\s*)?['"](\w+)"#;

/// The tables that SQL or a migration names, in lower case, without schema, sorted. A dropped index of which no table is named gives what
/// its own name suggests: `ix_parcels_created` gives `parcels` and `parcels_created`.
pub fn sql_tables(text: &str) -> Vec<String> {
    let (removed, added) = changed_lines(text);
    let text: String = removed.iter().chain(&added).map(|line| without_comment(line)).flat_map(|line| [line, "\n"]).collect();
    let mut tables: BTreeSet<String> = BTreeSet::new();
    for expression in EXPRESSIONS.iter() {
        tables.extend(expression.captures_iter(&text).filter_map(|found| bare(&found[1])));
    }
    for found in DROPPED_INDEX.captures_iter(&text).filter(|found| found.get(2).is_none()) {
        tables.extend(bare(&found[1]).iter().flat_map(|name| suggested(name)));
    }
    tables.into_iter().collect()
}

static EXPRESSIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let statements = STATEMENTS.iter().map(|before| format!("(?im){}{before}{NAME}", if before.starts_with('(') { "" } else { r"\b" }));
    let calls = [CALLS.to_owned(), INDEX_CALLS.to_owned()];
    statements.chain(calls).map(|expression| Regex::new(&expression).expect("fixed expressions, compiled by the tests")).collect()
});

static DROPPED_INDEX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?im)\bdrop\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?{NAME}(\s+on\b)?"))
        .expect("a fixed expression, compiled by the tests")
});

fn without_comment(line: &str) -> &str {
    line.find("--").map_or(line, |at| &line[..at])
}

/// The name without quotes and schema; `None` for words of the syntax.
fn bare(name: &str) -> Option<String> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let name = last.trim_matches(['"', '`', '[', ']']).to_lowercase();
    let is_syntax = [
        "if",
        "only",
        "table",
        "index",
        "concurrently",
        "set",
        "on",
        "from",
        "select",
        "exists",
        "full",
        "analyze",
        "verbose",
        "column",
        "using",
        "as",
    ]
    .contains(&name.as_str());
    (!is_syntax && !name.is_empty()).then_some(name)
}

/// The first word and the first two words of an index's name, its usual prefix and suffix apart.
fn suggested(index: &str) -> Vec<String> {
    const AFFIXES: [&str; 9] = ["ix", "idx", "index", "uq", "uk", "uix", "fk", "pk", "key"];
    let words: Vec<&str> = index.split('_').filter(|word| !word.is_empty() && !AFFIXES.contains(word)).collect();
    (1..=words.len().min(2)).map(|count| words[..count].join("_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_statements_and_calls() {
        for (text, expected) in [
            ("", ""),
            ("SELECT 1 FROM t; -- UPDATE x SET y", ""),
            ("ALTER TABLE IF EXISTS ONLY public.Invoices ADD COLUMN x int;", "invoices"),
            ("create unique index concurrently if not exists ix_a on `parcels` (zone);", "parcels"),
            ("@@ -0,0 +1,3 @@\n+UPDATE depots\n+  SET x = 1;\n+INSERT INTO \"audit\".\"log\" VALUES (1);\n", "depots log"),
            ("DELETE FROM a; TRUNCATE TABLE b; VACUUM FULL c; LOCK TABLE d IN EXCLUSIVE MODE;", "a b c d"),
            ("DROP INDEX CONCURRENTLY ix_parcels_zone_state;", "parcels parcels_zone"),
            ("DROP INDEX i ON parcels;", "parcels"),
            ("ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES b (id);", "a b"),
            ("op.add_column('parcels', sa.Column('zone'))\nop.create_index(\"ix\", \"depots\", [\"x\"])", "depots parcels"),
            ("add_index :parcels, :zone", "parcels"),
            ("SELECT * FROM t WHERE id = 1 FOR UPDATE NOWAIT", ""),
        ] {
            assert_eq!(sql_tables(text).join(" "), expected, "{text}");
        }
    }
}
