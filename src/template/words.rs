//! Words that say how something went, and words after which a name follows: what mining must know of the language of logs.
//!
//! Knows words only, neither templates nor counts.

/// Words that carry an outcome or a state. A place that holds one is never generalised: `connection opened` and `connection
/// closed` are two kinds of message however often they come.
const OUTCOMES: &[&str] = &[
    "abort",
    "aborted",
    "accept",
    "accepted",
    "active",
    "add",
    "added",
    "alive",
    "allow",
    "allowed",
    "attach",
    "attached",
    "available",
    "bad",
    "began",
    "begin",
    "busy",
    "cancel",
    "canceled",
    "cancelled",
    "changed",
    "clean",
    "close",
    "closed",
    "commit",
    "committed",
    "complete",
    "completed",
    "connect",
    "connected",
    "crash",
    "crashed",
    "create",
    "created",
    "dead",
    "degraded",
    "delete",
    "deleted",
    "denied",
    "deny",
    "detach",
    "detached",
    "dirty",
    "disable",
    "disabled",
    "disconnect",
    "disconnected",
    "done",
    "down",
    "empty",
    "enable",
    "enabled",
    "end",
    "ended",
    "enter",
    "entered",
    "error",
    "exceeded",
    "exhausted",
    "exit",
    "exited",
    "expired",
    "fail",
    "failed",
    "failure",
    "failures",
    "false",
    "finish",
    "finished",
    "found",
    "full",
    "good",
    "granted",
    "healthy",
    "idle",
    "inactive",
    "invalid",
    "join",
    "joined",
    "killed",
    "leave",
    "left",
    "load",
    "loaded",
    "loading",
    "lock",
    "locked",
    "login",
    "logout",
    "lost",
    "missing",
    "mount",
    "mounted",
    "no",
    "not",
    "off",
    "offline",
    "ok",
    "on",
    "online",
    "open",
    "opened",
    "pass",
    "passed",
    "pause",
    "paused",
    "read",
    "ready",
    "receive",
    "received",
    "refused",
    "reject",
    "rejected",
    "release",
    "released",
    "remove",
    "removed",
    "restart",
    "restarted",
    "restarting",
    "resume",
    "resumed",
    "retry",
    "revoked",
    "rollback",
    "running",
    "send",
    "sent",
    "start",
    "started",
    "starting",
    "stop",
    "stopped",
    "stopping",
    "succeed",
    "succeeded",
    "success",
    "suspended",
    "terminated",
    "timeout",
    "true",
    "unable",
    "unavailable",
    "unhealthy",
    "unknown",
    "unload",
    "unloaded",
    "unlock",
    "unlocked",
    "unmounted",
    "unreachable",
    "up",
    "valid",
    "write",
    "written",
    "yes",
];

/// Words that a name or an identifier follows.
const INTRODUCERS: &[&str] = &[
    "account",
    "address",
    "app",
    "application",
    "bucket",
    "by",
    "client",
    "cluster",
    "container",
    "database",
    "db",
    "device",
    "domain",
    "file",
    "for",
    "from",
    "group",
    "host",
    "hostname",
    "id",
    "instance",
    "interface",
    "job",
    "key",
    "module",
    "name",
    "named",
    "node",
    "partition",
    "path",
    "pod",
    "principal",
    "queue",
    "role",
    "schema",
    "server",
    "service",
    "session",
    "table",
    "task",
    "to",
    "topic",
    "user",
    "username",
    "volume",
];

/// HTTP's methods: what was asked for is as telling as how it went.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];

/// Whether a word says how something went, or what was asked for. Case and closing punctuation do not matter to the former.
pub fn is_outcome(word: &str) -> bool {
    METHODS.contains(&word) || listed(OUTCOMES, word)
}

/// Whether a name is expected after a word.
pub fn introduces_a_name(word: &str) -> bool {
    listed(INTRODUCERS, word)
}

/// Whether a word is written in capitals alone, as methods, states and codes are.
pub fn is_capitals(word: &str) -> bool {
    word.len() > 1 && word.bytes().any(|b| b.is_ascii_uppercase()) && !word.bytes().any(|b| b.is_ascii_lowercase())
}

fn listed(list: &[&str], word: &str) -> bool {
    let word = word.trim_end_matches(['.', '!', '?', ':']).to_ascii_lowercase();
    list.binary_search(&word.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_for_the_search() {
        for list in [OUTCOMES, INTRODUCERS] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
    }

    #[test]
    fn case_and_punctuation_do_not_matter() {
        assert!(is_outcome("Failed:") && is_outcome("up.") && !is_outcome("uptime") && !is_outcome(""));
        assert!(introduces_a_name("User") && !introduces_a_name("usage"));
        assert!(is_capitals("GET") && is_capitals("E_2") && !is_capitals("A") && !is_capitals("17") && !is_capitals("Get"));
    }
}
