//! What a metric measures, told from its name alone: the class, which end of a call it was measured at, its unit where that matters.
//! Values and services are unknown here.

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Errors,
    Latency,
    Cpu,
    Memory,
    Syscalls,
    Disk,
    Network,
    Load,
    Other,
}

impl Class {
    /// All classes.
    pub const ALL: &'static [Class] = &[
        Class::Errors,
        Class::Latency,
        Class::Cpu,
        Class::Memory,
        Class::Syscalls,
        Class::Disk,
        Class::Network,
        Class::Load,
        Class::Other,
    ];

    /// Whether users of the service feel it.
    pub fn is_outside(self) -> bool {
        matches!(self, Class::Errors | Class::Latency)
    }

    /// Whether more requests raise it even in health.
    pub fn follows_load(self) -> bool {
        matches!(self, Class::Cpu | Class::Network | Class::Syscalls | Class::Disk)
    }
}

/// How a share of capacity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareUnit {
    /// 0 to 100, by the name.
    Percent,
    /// 0 to 1 or 0 to 100; the values decide.
    Ratio,
}

/// What a metric's name says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meaning {
    pub class: Class,
    /// A share of successes: high is good.
    pub inverted: bool,
    /// Measured by the caller, so that it describes the callee.
    pub by_caller: bool,
    /// Calls that the service makes itself, such as egress.
    pub outgoing: bool,
    /// Set where the name says that the value is a share of a capacity.
    pub share: Option<ShareUnit>,
    /// Of the largest values alone: an upper percentile or a maximum.
    pub tail: bool,
    /// Seconds in a unit of time that the name states.
    pub unit: Option<f64>,
}

/// Metrics of a machine that several services share move with the neighbours.
const MACHINE: &[&str] = &["node", "host", "machine"];
/// Families of the node exporter: its series are the machine's own, under the machine's name.
const EXPORTED: &[&str] = &[
    "node_cpu_seconds_total",
    "node_disk_",
    "node_filesystem_",
    "node_load",
    "node_memory_",
    "node_netstat_",
    "node_network_",
    "node_pressure_",
    "node_vmstat_",
];
/// Columns of sysstat's tools and of vmstat whose names are no words, behind the subject of their table or bare.
const TOOL_COLUMNS: &[(Class, &[&str])] = &[
    (Class::Disk, &["procs_b", "wa", "bi", "bo", "%iowait", "%util", "await", "r_await", "w_await", "svctm", "aqu-sz", "avgqu-sz"]),
    (Class::Memory, &["si", "so", "swpd", "pswpin/s", "pswpout/s", "majflt/s", "minflt/s", "fault/s", "%commit"]),
    (Class::Cpu, &["procs_r", "us", "sy", "%user", "%usr", "%system", "%sys", "%nice", "%steal", "runq-sz"]),
];
/// Subjects that such a table's columns are named after.
const TOOL_SUBJECTS: &[&str] = &["cpu_", "memory_", "swap_", "disk_", "io_", "load_", "paging_", "process_"];
/// States of processors that wait for a disk.
const DISK_WAITS: &[&str] = &["iowait", "await"];
const SUCCESS: &[&str] = &["success", "avail"];
/// Available memory is a stock, not an outcome of requests.
const STOCK: &[&str] = &["cpu", "mem", "heap", "disk", "filesystem", "bytes", "connection", "thread", "pool"];
/// First match wins.
const CLASSES: &[(Class, &[&str])] = &[
    (Class::Errors, &["error", "err", "fault", "fail", "5xx", "exception", "timeout"]),
    (Class::Latency, &["latency", "duration", "response_time", "responsetime", "rtt", "elapsed", "lat"]),
    (Class::Cpu, &["cpu"]),
    (Class::Memory, &["mem", "heap", "rss"]),
    (Class::Syscalls, &["syscall"]),
    (Class::Disk, &["disk", "iops", "filesystem", "fs"]),
    (Class::Network, &["network", "bytes", "packet"]),
    (Class::Load, &["request", "workload", "ops", "qps", "calls", "rps", "throughput"]),
];
/// Stems that count only as whole words of the name, since they occur inside others by chance: `lat` in `lateral`.
const WHOLE: &[&str] = &["lat", "err", "ops", "qps", "rps", "rtt", "rss", "fs"];
const BY_CALLER: &[&str] = &["client", "source", "upstream", "outbound", "caller"];
const OUTGOING: &[&str] = &["client", "upstream", "outbound", "egress"];

/// Percentiles above the middle, as names write them.
const TAIL: std::ops::RangeInclusive<u32> = 75..=9_999;
/// Words for units of time, and seconds in them.
const TIME_UNITS: &[(&str, f64)] = &[
    ("s", 1.0),
    ("sec", 1.0),
    ("seconds", 1.0),
    ("ms", 1e-3),
    ("msec", 1e-3),
    ("millis", 1e-3),
    ("milliseconds", 1e-3),
    ("us", 1e-6),
    ("micros", 1e-6),
    ("microseconds", 1e-6),
    ("ns", 1e-9),
    ("nanos", 1e-9),
    ("nanoseconds", 1e-9),
];

/// What the name says; `None` for metrics of shared machines, and for how idle something is.
pub fn meaning(name: &str) -> Option<Meaning> {
    let words = words(name);
    let lower = name.to_ascii_lowercase();
    let of_machine = words.first().is_some_and(|first| MACHINE.contains(&first.as_str()));
    if (of_machine && !EXPORTED.iter().any(|family| name.starts_with(family))) || is_idle(&words) {
        return None;
    }
    let says = |list: &[&str]| list.iter().any(|stem| names(&lower, &words, stem));
    let is_word = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let inverted = says(SUCCESS) && !says(STOCK);
    let known = tool_class(&lower, &words).or_else(|| CLASSES.iter().find(|(_, stems)| says(stems)).map(|(class, _)| *class));
    let class = match known.unwrap_or(Class::Other) {
        // How many were timed, not how long they took.
        Class::Latency if words.last().is_some_and(|last| last == "count") => Class::Load,
        class => class,
    };
    Some(Meaning {
        class: if inverted { Class::Errors } else { class },
        inverted,
        by_caller: is_word(BY_CALLER),
        outgoing: is_word(OUTGOING),
        share: share_unit(&lower, &words),
        tail: words.iter().any(|w| w == "max" || w.parse().is_ok_and(|n: u32| TAIL.contains(&n))),
        unit: TIME_UNITS.iter().find(|(unit, _)| words.iter().any(|w| w == unit)).map(|(_, seconds)| *seconds),
    })
}

/// The class of a name that a tool for machines gave, or of a processor's time that a disk took.
fn tool_class(lower: &str, words: &[String]) -> Option<Class> {
    let name = lower.split('{').next().unwrap_or(lower);
    let column = TOOL_SUBJECTS.iter().find_map(|subject| name.strip_prefix(subject)).unwrap_or(name);
    let is = |known: &&str| *known == column || *known == name;
    let waits = words.iter().any(|w| DISK_WAITS.contains(&w.as_str()));
    TOOL_COLUMNS.iter().find(|(_, columns)| columns.iter().any(&is)).map(|(class, _)| *class).or(waits.then_some(Class::Disk))
}

/// `%idle`, `cpu_usage_idle`, `cpu_id`: it falls when there is trouble.
fn is_idle(words: &[String]) -> bool {
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    (has(&["idle"]) && (has(&["cpu"]) || words.len() == 1)) || words == ["cpu", "id"]
}

fn names(lower: &str, words: &[String], stem: &str) -> bool {
    if WHOLE.contains(&stem) { words.iter().any(|w| w == stem) } else { lower.contains(stem) }
}

fn share_unit(lower: &str, words: &[String]) -> Option<ShareUnit> {
    if lower.contains('%') || lower.contains("percent") || words.iter().any(|w| w == "pct") {
        return Some(ShareUnit::Percent);
    }
    (lower.contains("util") || words.iter().any(|w| w == "ratio")).then_some(ShareUnit::Ratio)
}

/// The words of a name in lower case, split at punctuation, at digits and inside camelCase.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = name.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(|n| n.is_lowercase());
        let hump = c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_lower));
        if hump || c.is_numeric() != before.is_numeric() || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, class: Class) {
        assert_eq!(meaning(name).map(|m| m.class), Some(class), "{name}");
    }

    #[test]
    fn classes_of_names_in_use() {
        for (name, class) in [
            ("", Class::Other),
            ("m17", Class::Other),
            ("lateral_moves", Class::Other),
            ("lat_50", Class::Latency),
            ("PodServerLatencyP90(s)", Class::Latency),
            ("http.server.request.duration", Class::Latency),
            ("availability_average", Class::Errors),
            ("SuccessRate(%)", Class::Errors),
            ("http_5xx_total", Class::Errors),
            ("CpuUsageRate(%)", Class::Cpu),
            ("container_memory_rss", Class::Memory),
            ("memory_available_bytes", Class::Memory),
            ("SyscallRead", Class::Syscalls),
            ("disk_iops", Class::Disk),
            ("NetworkReceiveBytes", Class::Network),
            ("Workload(Ops)", Class::Load),
            ("requests_sum", Class::Load),
            ("stops", Class::Other),
            ("node_cpu_seconds_total", Class::Cpu),
            ("node_cpu_seconds_total{mode=iowait}", Class::Disk),
            ("node_memory_Active_bytes", Class::Memory),
            ("process_resident_memory_bytes", Class::Memory),
            ("process_cpu_seconds_total", Class::Cpu),
            ("container_cpu_usage_seconds_total", Class::Cpu),
            ("container_memory_working_set_bytes", Class::Memory),
            ("container_network_receive_bytes_total", Class::Network),
            ("container_fs_reads_bytes_total", Class::Disk),
            ("http_server_request_duration_seconds_p99", Class::Latency),
            ("http_server_request_duration_seconds_count", Class::Load),
            ("http.server.request.duration_count{http_response_status_code=5xx}", Class::Errors),
            ("http_requests_total{code=5xx}", Class::Errors),
            ("grpc_server_handled_total{grpc_code=error}", Class::Errors),
            ("jvm.memory.used{jvm_memory_type=heap}", Class::Memory),
            ("jvm.gc.duration_p99", Class::Latency),
            ("system.cpu.utilization", Class::Cpu),
            ("cpu_%user", Class::Cpu),
            ("cpu_%iowait", Class::Disk),
            ("%user", Class::Cpu),
            ("memory_kbmemused", Class::Memory),
            ("kbmemused", Class::Memory),
            ("swap_si", Class::Memory),
            ("procs_r", Class::Cpu),
            ("procs_b", Class::Disk),
            ("cpu_wa", Class::Disk),
            ("disk_%util{device=sda}", Class::Disk),
            ("disk_r_await{device=sda}", Class::Disk),
            ("paging_majflt/s", Class::Memory),
            ("network_rxkB/s{device=eth0}", Class::Network),
            ("diskio_read_bytes", Class::Disk),
            ("mem_used_percent", Class::Memory),
        ] {
            check(name, class);
        }
    }

    #[test]
    fn shared_machines_are_left_out_and_runtimes_kept() {
        assert_eq!(meaning("NodeCpuUsageRate(%)"), None);
        assert_eq!(meaning("host.memory"), None);
        check("nodejs_heap_size", Class::Memory);
        for name in ["cpu_%idle", "%idle", "cpu_usage_idle", "cpu_id"] {
            assert_eq!(meaning(name), None, "{name}");
        }
        check("connections_idle", Class::Other);
    }

    #[test]
    fn sides_units_and_orientation() {
        let of = |name| meaning(name).unwrap();
        assert!(of("EdgeLatencyP50_source").by_caller && !of("EdgeLatencyP50_destination").by_caller);
        assert!(!of("resource_latency").by_caller);
        assert!(of("PodClientLatencyP90(s)").outgoing && of("egress_bytes").outgoing && !of("PodServerLatencyP90(s)").outgoing);
        assert_eq!((of("cpu_pct").share, of("cpu_utilization").share), (Some(ShareUnit::Percent), Some(ShareUnit::Ratio)));
        assert_eq!(of("CpuUsage(m)").share, None);
        assert!(of("latency_p99_ms").tail && of("lat_90").tail && of("edge_latency_max_ms").tail && of("rtt{quantile=0.99}").tail);
        assert!(!of("lat_50").tail && !of("http.server.request.duration").tail && !of("http_5xx_total").tail);
        let units = ["latency_p99_ms", "PodServerLatencyP90(s)", "request_duration_seconds", "latency_average"].map(|name| of(name).unit);
        assert_eq!(units, [Some(1e-3), Some(1.0), Some(1.0), None]);
        assert!(of("availability").inverted && !of("errors").inverted && !of("memory_available").inverted);
    }
}
