//! Reports as the tools print them.

use super::*;
use crate::parse::timestamp::Clock;

#[track_caller]
fn check(text: &str, expected: &[&str]) -> Reading {
    let near = Time::parse_rfc3339("2023-08-11T12:00:00Z");
    let setting = Setting { clock: Clock { near, ..Clock::default() }, ..Setting::default() };
    let reading = read(text, &setting).unwrap();
    let metrics = reading.clone().collected.finish();
    let instance = |key: &SeriesKey| key.instance.as_ref().map_or(String::new(), |i| format!("/{i}"));
    let line = |(key, points): (&SeriesKey, &Vec<(Time, f64)>)| {
        let values: Vec<String> = points.iter().map(|p| format!("{}@{}", p.1, &p.0.rfc3339()[8..19])).collect();
        format!("{}{} {} {}", key.service, instance(key), key.metric, values.join(" "))
    };
    let lines: Vec<String> = metrics.iter().map(line).collect();
    for line in expected {
        assert!(lines.iter().any(|l| l == line), "{line} is not in {lines:#?}");
    }
    reading
}

#[test]
fn sar_with_a_clock_of_twelve_hours_over_midnight() {
    let text = "\
Linux 5.15.0-78-generic (web-1) \t08/11/23 \t_x86_64_\t(4 CPU)

11:40:01 PM     CPU     %user     %nice   %system   %iowait    %steal     %idle
11:50:01 PM     all      2.01      0.00      1.00      0.25      0.00     96.74
11:50:01 PM       0      9.01      0.00      1.00      0.25      0.00     89.74
12:00:01 AM     all      3.50      0.00      1.00      0.25      0.00     95.25

12:00:01 AM kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached  kbcommit   %commit  kbactive   kbinact   kbdirty
12:10:01 AM    123456    654321    777777     41.50      1000      2000    300000     20.00      4000      5000        60
12:15:00 AM       LINUX RESTART\t(4 CPU)

12:20:01 AM       DEV       tps     rkB/s     wkB/s     dkB/s   areq-sz    aqu-sz     await     %util
12:30:01 AM       sda     10.00      5.00      7.00      0.00      8.00      0.02      1.25      3.50
12:30:01 AM       sdb     10.00      5.00      7.00      0.00      8.00      0.02      9.25     93.50
Average:          all      2.76      0.00      1.00      0.25      0.00     95.99
";
    let reading = check(
        text,
        &[
            "web-1 cpu_%user 2.01@11T23:50:01 3.5@12T00:00:01",
            "web-1 memory_kbmemused 777777@12T00:10:01",
            "web-1 disk_%util{device=sdb} 93.5@12T00:30:01",
            "web-1 disk_await{device=sda} 1.25@12T00:30:01",
        ],
    );
    assert_eq!((reading.misread.len(), reading.collected.dropped), (0, 0));
}

#[test]
fn mpstat_and_pidstat_with_commas_and_several_processes() {
    let text = "\
Linux 6.1.0-10-amd64 (db-1) \t12/08/2023 \t_x86_64_\t(2 CPU)

14:30:00     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle
14:30:01     all    5,03    0,00    2,01    0,00    0,00    0,50    0,00    0,00    0,00   92,46

14:30:01      UID       PID    %usr %system  %guest   %wait    %CPU   CPU  Command
14:30:02     1000      4242    7,00    1,00    0,00    0,00    8,00     1  nginx
14:30:02     1000      4243   10,00    2,00    0,00    0,00   12,00     0  nginx
14:30:02        0        17    1,00    2,00    0,00    0,00    3,00     0  kworker/0:1-events
";
    check(text, &["db-1 cpu_%usr 5.03@12T14:30:01", "nginx/db-1 process_%CPU 20@12T14:30:02"]);
}

#[test]
fn iostat_leaves_out_the_time_since_the_machine_started() {
    let text = "\
Linux 5.15.0-78-generic (db-1) \t2023-08-12 \t_x86_64_\t(4 CPU)

2023-08-12T14:30:00+0000
avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           2.01    0.00    1.00    0.25    0.00   96.74

Device            r/s     rkB/s   rrqm/s  %rrqm r_await rareq-sz     w/s     wkB/s   aqu-sz  %util
sda              0.50     10.00     0.00   0.00    0.50    20.00    1.00      2.00     0.01   0.25

2023-08-12T14:30:10+0000
avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           4.01    0.00    1.00   40.25    0.00   54.74

Device            r/s     rkB/s   rrqm/s  %rrqm r_await rareq-sz     w/s     wkB/s   aqu-sz  %util
sda              0.50     10.00     0.00   0.00    0.50    20.00    1.00      2.00     0.01  99.25
";
    check(text, &["db-1 cpu_%iowait 40.25@12T14:30:10", "db-1 disk_%util 99.25@12T14:30:10"]);
    let american =
        text.replace("2023-08-12T14:30:00+0000", "08/12/2023 02:30:00 PM").replace("2023-08-12T14:30:10+0000", "08/12/2023 02:30:10 PM");
    check(&american, &["db-1 disk_%util 99.25@12T14:30:10"]);
}

#[test]
fn vmstat_with_repeated_headers() {
    let head = "\
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu----- -----timestamp-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st                 UTC
";
    let row = |clock: &str, r: u32| {
        format!(" {r}  0      0 16815560  21676 6247328    0    0  1459  1739  295  391 71  5 24  7  0 2023-08-12 {clock}\n")
    };
    let text = [head, &row("14:30:00", 9), &row("14:30:01", 3), head, &row("14:30:02", 4)].concat();
    check(
        &text,
        &[
            "host procs_r 3@12T14:30:01 4@12T14:30:02",
            "host cpu_wa 7@12T14:30:01 7@12T14:30:02",
            "host memory_free 16815560@12T14:30:01 16815560@12T14:30:02",
        ],
    );
    check(&text.replace("UTC", "CET"), &["host procs_r 3@12T13:30:01 4@12T13:30:02"]);
    let untimed = "procs -----------memory---------- ---swap--\n r  b   swpd   free\n 1  0      0      5\n";
    assert!(read(untimed, &Setting::default()).unwrap_err().contains("print times"));
}

#[test]
fn semicolon_tables() {
    let text = "\
# hostname;interval;timestamp;CPU;%user;%nice;%system;%iowait;%steal;%idle
web-1;600;2023-08-12 14:30:01 UTC;-1;2.01;0.00;1.00;0.25;0.00;96.74
web-1;-1;2023-08-12 14:35:01 UTC;LINUX-RESTART\t(4 CPU)
web-1;600;2023-08-12 14:40:01 UTC;-1;3.01;0.00;1.00;0.25;0.00;95.74
# hostname;interval;timestamp;IFACE;rxpck/s;txpck/s;rxkB/s;txkB/s;rxcmp/s;txcmp/s;rxmcst/s;%ifutil
web-1;600;2023-08-12 14:30:01 UTC;eth0;10.00;11.00;5.00;6.00;0.00;0.00;0.00;0.01
";
    check(text, &["web-1 cpu_%user 2.01@12T14:30:01 3.01@12T14:40:01", "web-1 network_rxkB/s 5@12T14:30:01"]);
}

#[test]
fn rows_that_fit_nothing_are_misread() {
    let text = "Linux 5.15 (a) 08/12/23 _x86_64_ (1 CPU)\n\n14:30:01 CPU %user %idle\n14:30:02 all 1.0 99.0\n14:30:03 all 1.0\n14:30:04 all x y\nnonsense\n99:99:99 all 1 2\n";
    assert_eq!(check(text, &["a cpu_%user 1@12T14:30:02"]).misread.len(), 3);
}
