//! A capacity plan as text, as JSON and as Markdown. Every number comes with what it rests on; the assumptions stand below.

use serde_json::{Value, json};

use super::text::{counted, duration, number, percent, sanitize, to_ascii, wrap};
use super::{Format, View, escape_markdown};
use crate::model::capacity::{CapacityPlan, HoldBasis, Limit, PoolPlan, ServerPlan};

/// Raised when a field changes its meaning or goes away; additions leave it.
const SCHEMA_VERSION: u32 = 1;
/// Limits of a first look.
const LIMITS: usize = 6;

/// The whole plan, with a final newline.
pub fn render(plan: &CapacityPlan, format: Format, view: &View) -> String {
    match format {
        Format::Json => json(plan),
        Format::Terminal => {
            let out = terminal(plan, view);
            if view.unicode { out } else { to_ascii(&out) }
        }
        Format::Markdown => markdown(plan),
    }
}

/// Sections of sentences: a title, and lines below it.
fn sections(plan: &CapacityPlan) -> Vec<(String, Vec<String>)> {
    let mut sections = Vec::new();
    if let Some(first) = plan.limits.first() {
        sections.push((
            "FIRST TO RUN OUT".to_owned(),
            std::iter::once(verdict(first)).chain(plan.limits.iter().take(LIMITS).skip(1).map(limit)).collect(),
        ));
    }
    for pool in &plan.pools {
        sections.push((pool_title(pool), pool_lines(pool)));
    }
    for server in &plan.servers {
        sections.push((format!("SERVER  {}", sanitize(server.service.as_str())), server_lines(server)));
    }
    let missing: Vec<String> =
        plan.missing.iter().map(|(what, needed)| format!("{} (needs {})", sanitize(what), sanitize(needed))).collect();
    if !missing.is_empty() {
        sections.push(("NOT JUDGED".to_owned(), missing));
    }
    sections.push(("ASSUMED".to_owned(), vec![assumptions(plan)]));
    sections
}

fn verdict(first: &Limit) -> String {
    let (name, used, limit) = (sanitize(&first.name), number(first.used), number(first.limit));
    match first.at_times {
        times if times < 1.0 => {
            format!("{name} is too small for the busiest minute: enough for {} of its load ({used} of {limit} in use)", percent(times))
        }
        times if times < 1.005 => format!("{name} is used up in the busiest minute: {used} of {limit}"),
        times => format!("{name}, at {} times the load of the busiest minute: {used} of {limit} in use now", number(times)),
    }
}

fn limit(limit: &Limit) -> String {
    let times = if limit.at_times >= 1_000.0 { "more than 1,000".to_owned() } else { number(limit.at_times) };
    format!("then {} at {times} times: {} of {} in use now", sanitize(&limit.name), number(limit.used), number(limit.limit))
}

fn pool_title(pool: &PoolPlan) -> String {
    let key = pool.key.as_deref().map(|key| format!("  {}", sanitize(key))).unwrap_or_default();
    let place = pool.origin.as_ref().map(|origin| format!("  {}", sanitize(&origin.to_string()))).unwrap_or_default();
    format!("POOL  {}{key}{place}", sanitize(pool.service.as_str()))
}

fn pool_lines(pool: &PoolPlan) -> Vec<String> {
    let basis = match pool.basis {
        HoldBasis::Requests => "a whole request; an upper bound of how long it holds a connection",
        HoldBasis::Callee => "a request to the callee that the key names",
        HoldBasis::Transactions => "a transaction, by the pooler's statistics",
    };
    let default = if pool.key.is_none() { " (the default; no configuration sets it)" } else { "" };
    let mut lines = vec![
        format!(
            "{} x {} of {}{default}; {} requests/s in the busiest minute ({} on average), {} each ({basis})",
            counted(pool.instances, "instance"),
            number(pool.size),
            if pool.size == 1.0 { "connection" } else { "connections" },
            number(pool.peak_per_s),
            number(pool.mean_per_s),
            duration(pool.hold_s)
        )
        .replace(" of connection", " connection"),
        format!(
            "{} in use at the peak, {} of the pool; {} of the requests wait; headroom {} times",
            number(pool.offered),
            percent(pool.utilisation),
            percent(pool.waiting),
            number(pool.headroom)
        ),
    ];
    for needed in &pool.needed {
        let short = needed.each as f64 > pool.size;
        let set = if short { format!("set {} instead of {}", needed.each, number(pool.size)) } else { format!("{} do", number(pool.size)) };
        lines.push(format!(
            "at {} times the load: {} needed, {} for each instance, {} in use: {set}",
            number(needed.times),
            counted(needed.places, "connection"),
            needed.each,
            percent(needed.utilisation)
        ));
    }
    lines
}

fn server_lines(server: &ServerPlan) -> Vec<String> {
    let observed = server.observed.map(|observed| format!("; at most {} were open", number(observed))).unwrap_or_default();
    let free = server.limit - server.reserved;
    let over = if server.allotted > free { ", MORE THAN IT ADMITS" } else { "" };
    let mut lines = vec![format!(
        "{} connections, {} of them reserved ({}){observed}; the pools may open {}{over}",
        number(server.limit),
        number(server.reserved),
        sanitize(&server.source),
        number(server.allotted)
    )];
    for (times, places, set) in &server.needed {
        let enough =
            if *set as f64 <= server.limit { format!("{} do", number(server.limit)) } else { format!("set max_connections to {set}") };
        lines.push(format!("at {} times the load: the pools need {places} together, with a spare {set}: {enough}", number(*times)));
    }
    lines
}

fn assumptions(plan: &CapacityPlan) -> String {
    let left_out = if plan.left_out.is_some() { " Incidents are left out." } else { "" };
    format!(
        "Connections in use = arrivals x time held (Little's law). Sizes are those at which at most {} of the requests wait (Erlang C: arrivals \
         without memory, one queue, nobody gives up); burstier arrivals need more. CPU is taken to grow with the load. Beside the pools a tenth \
         of the connections, at least five, is kept for others. Each process of a service that forks has a pool of its own: multiply.{left_out}",
        percent(plan.wait)
    )
}

fn terminal(plan: &CapacityPlan, view: &View) -> String {
    let columns = view.width.max(40);
    let mut out = String::new();
    for (title, lines) in sections(plan) {
        if !out.is_empty() {
            out.push('\n');
        }
        out += &format!("{}\n", super::shorten(&title, columns));
        for line in lines {
            for (at, text) in wrap(&line, columns - 4).into_iter().enumerate() {
                out += &format!("{}{text}\n", if at == 0 { "  " } else { "    " });
            }
        }
    }
    out
}

fn markdown(plan: &CapacityPlan) -> String {
    let mut out = String::new();
    for (title, lines) in sections(plan) {
        out += &format!("{}**{}**\n\n", if out.is_empty() { "" } else { "\n" }, escape_markdown(&title));
        lines.iter().for_each(|line| out += &format!("- {}\n", escape_markdown(line)));
    }
    out
}

fn finite(value: f64) -> Value {
    if value.is_finite() { json!((value * 1e6).round() / 1e6) } else { Value::Null }
}

fn json(plan: &CapacityPlan) -> String {
    let span = |span: crate::model::TimeSpan| json!({ "start": span.start.rfc3339(), "end": span.end.rfc3339() });
    let one = |limit: &Limit| json!({ "name": sanitize(&limit.name), "used": finite(limit.used), "limit": finite(limit.limit), "at_times": finite(limit.at_times) });
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "data": plan.span.map(span),
        "left_out": plan.left_out.map(span),
        "wait": plan.wait,
        "first": plan.limits.first().map(one),
        "limits": plan.limits.iter().map(one).collect::<Vec<_>>(),
        "pools": plan.pools.iter().map(pool_json).collect::<Vec<_>>(),
        "servers": plan.servers.iter().map(server_json).collect::<Vec<_>>(),
        "not_judged": plan.missing.iter().map(|(what, needed)| json!({ "what": sanitize(what), "needed": sanitize(needed) })).collect::<Vec<_>>(),
        "assumptions": assumptions(plan),
    });
    crate::report::json_document(&document)
}

fn pool_json(pool: &PoolPlan) -> Value {
    let basis = match pool.basis {
        HoldBasis::Requests => "requests",
        HoldBasis::Callee => "callee",
        HoldBasis::Transactions => "transactions",
    };
    json!({
        "service": pool.service.as_str(), "key": pool.key.as_deref().map(sanitize), "source": pool.origin.as_ref().map(ToString::to_string),
        "size": finite(pool.size), "instances": pool.instances, "mean_per_s": finite(pool.mean_per_s), "peak_per_s": finite(pool.peak_per_s),
        "hold_s": finite(pool.hold_s), "hold_basis": basis, "in_use": finite(pool.offered), "utilisation": finite(pool.utilisation),
        "waiting": finite(pool.waiting), "headroom": finite(pool.headroom),
        "needed": pool.needed.iter().map(|n| json!({
            "times": n.times, "connections": n.places, "each": n.each, "utilisation": finite(n.utilisation),
        })).collect::<Vec<_>>(),
    })
}

fn server_json(server: &ServerPlan) -> Value {
    json!({
        "service": server.service.as_str(), "max_connections": finite(server.limit), "reserved": finite(server.reserved), "source": sanitize(&server.source),
        "observed": server.observed.map(finite), "allotted": finite(server.allotted),
        "needed": server.needed.iter().map(|(times, places, set)| json!({ "times": times, "connections": places, "max_connections": set })).collect::<Vec<_>>(),
    })
}
