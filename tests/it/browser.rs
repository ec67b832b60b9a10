//! The page in a real browser: headless Chromium, driven over the DevTools protocol through a pair of pipes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::tool::{Folder, done, sample};

/// Longest time that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser's name; says so on the terminal itself where there is none, since the output of a passing test is swallowed.
fn chromium() -> Option<&'static str> {
    let works = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(works);
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: chromium is not installed, the HTML report was not looked at in a browser");
    }
    found
}

/// One page in a browser of its own.
struct Page {
    process: Child,
    to: File,
    from: File,
    unread: Vec<u8>,
    next: u64,
    session: Option<String>,
    /// Exceptions, errors on the console, violations of the policy, dialogs.
    trouble: Vec<String>,
    /// Addresses that were asked for.
    requests: Vec<String>,
    _folder: Folder,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Page {
    fn open(browser: &str, html: &str) -> Page {
        let folder = Folder::new(&[("report.html", html.as_bytes())]);
        let (to, from) = (folder.at("to"), folder.at("from"));
        assert!(Command::new("mkfifo").args([&to, &from]).status().unwrap().success());
        let script = "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir=\"$3\" --window-size=1280,900 --remote-debugging-pipe about:blank 3<\"$1\" 4>\"$2\"";
        let process = Command::new("sh")
            .args(["-c", script, browser, &to, &from, &folder.at("profile")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(to).unwrap();
        let from = File::open(from).unwrap();
        let url = format!("file://{}", folder.at("report.html"));
        let mut page = Page {
            process,
            to,
            from,
            unread: Vec::new(),
            next: 0,
            session: None,
            trouble: Vec::new(),
            requests: Vec::new(),
            _folder: folder,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = page.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        page.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Runtime", "Log", "Page", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Page.navigate", json!({"url": url}));
        page.until("document.body && document.body.dataset.ready === 'yes'");
        page
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.read();
            if answer["id"] == json!(self.next) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn read(&mut self) -> Value {
        loop {
            if let Some(end) = self.unread.iter().position(|b| *b == 0) {
                let rest = self.unread.split_off(end + 1);
                let message = std::mem::replace(&mut self.unread, rest);
                return serde_json::from_slice(&message[..end]).unwrap();
            }
            let mut buffer = [0; 65_536];
            let n = self.from.read(&mut buffer).unwrap();
            assert!(n > 0, "the browser has gone");
            self.unread.extend_from_slice(&buffer[..n]);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Page.javascriptDialogOpening" => self.trouble.push(event.to_string()),
            "Runtime.consoleAPICalled" if parameters["type"] == "error" => self.trouble.push(event.to_string()),
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => self.trouble.push(event.to_string()),
            "Network.requestWillBeSent" => self.requests.push(parameters["request"]["url"].as_str().unwrap_or_default().to_owned()),
            _ => {}
        }
    }

    fn value(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true}));
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    fn until(&mut self, condition: &str) {
        let began = Instant::now();
        while self.value(condition) != json!(true) {
            assert!(began.elapsed() < PATIENCE, "{condition} never came true: {:?}", self.trouble);
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let held = u8::from(kind != "mouseMoved");
        self.call(
            "Input.dispatchMouseEvent",
            json!({"type": kind, "x": x, "y": y, "button": if held == 1 { "left" } else { "none" }, "buttons": held, "clickCount": held}),
        );
    }

    fn key(&mut self, key: &str, text: &str) {
        self.call("Input.dispatchKeyEvent", json!({"type": "keyDown", "key": key, "text": text}));
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key}));
    }

    /// Fails on anything that a page must not do.
    fn is_quiet(&self) {
        assert!(self.trouble.is_empty(), "{:#?}", self.trouble);
        let elsewhere: Vec<&String> =
            self.requests.iter().filter(|r| !r.starts_with("file://") && !r.starts_with("data:") && r.as_str() != "about:blank").collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
    }
}

fn page_of(path: &str) -> String {
    let page = done(&["analyze", path, "--format", "html"]).out;
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    page
}

#[test]
fn the_page_draws_hovers_and_zooms_without_an_error() {
    let Some(browser) = chromium() else { return };
    let mut page = Page::open(browser, &page_of(&sample("checkout-outage")));
    assert!(page.value("Number(document.body.dataset.firstChartMs)").as_f64().unwrap() < 1_000.0);
    assert!(page.value("document.querySelectorAll('canvas').length").as_u64().unwrap() >= 10);
    for (what, expression) in [
        ("the verdict", "document.querySelector('.verdict').textContent.includes('db.pool.max_size 15 -> 1')"),
        ("the template table", "document.querySelector('#messages table').textContent.includes('QueuePool limit of size')"),
        ("the diff", "document.querySelector('#configuration ins').textContent.length > 0"),
        ("the ruled-out table", "document.querySelector('#not-it table').textContent.includes('database server postgres')"),
        ("the coverage", "document.querySelector('#coverage table').rows.length > 20"),
        ("small multiples", "document.querySelectorAll('#multiples canvas').length > 5"),
        (
            "colours of the incident in the canvas",
            "(() => { const c = document.querySelectorAll('#timeline-charts canvas')[1]; const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n > 1000; })()",
        ),
        ("no sideways scrolling", "document.documentElement.scrollWidth <= innerWidth"),
    ] {
        assert_eq!(page.value(expression), json!(true), "{what} is missing");
    }
    let chart = "document.querySelectorAll('#timeline-charts .u-over')[1]";
    page.value(&format!("{chart}.scrollIntoView({{block: 'center'}})"));
    let side = |page: &mut Page, name: &str| page.value(&format!("{chart}.getBoundingClientRect().{name}")).as_f64().unwrap();
    let (left, top, width) = (side(&mut page, "left"), side(&mut page, "top"), side(&mut page, "width"));
    page.mouse("mouseMoved", left + width * 0.7, top + 40.0);
    page.until("document.getElementById('readout').textContent.includes(' UTC  ')");
    let whole = page.value("document.body.dataset.view || ''");
    page.mouse("mousePressed", left + width * 0.3, top + 40.0);
    page.mouse("mouseMoved", left + width * 0.45, top + 40.0);
    page.mouse("mouseMoved", left + width * 0.6, top + 40.0);
    page.mouse("mouseReleased", left + width * 0.6, top + 40.0);
    page.until(&format!("(document.body.dataset.view || '') !== {whole}"));
    let zoomed =
        page.value("(() => { const [a, b] = document.body.dataset.view.split(' ').map(Number); return b - a; })()").as_f64().unwrap();
    assert!(zoomed > 30.0 && zoomed < 300.0, "{zoomed} s of a recording of 450 s");
    page.value("document.querySelectorAll('#timeline-charts .chart')[2].focus()");
    page.key("0", "0");
    page.until("(() => { const [a, b] = document.body.dataset.view.split(' ').map(Number); return b - a > 400; })()");
    page.value("document.getElementById('readout').textContent = ''");
    page.key("ArrowRight", "");
    page.until("document.getElementById('readout').textContent.includes(' UTC  ')");
    page.is_quiet();
}

#[test]
fn hostile_lines_are_text_in_a_browser() {
    let Some(browser) = chromium() else { return };
    let mut page = Page::open(browser, &page_of(&crate::hostile::bundle().shown()));
    assert!(
        page.value("document.body.textContent.includes('<script>alert(1)</script>')").as_bool().unwrap(),
        "the attacks are not on the page"
    );
    assert_eq!(
        page.value("document.querySelectorAll('main script, main img, main iframe, main a, main [onerror], main form').length"),
        json!(0)
    );
    assert_eq!(page.value("document.scripts.length"), json!(3));
    page.is_quiet();
}

#[test]
fn poor_data_make_a_page_all_the_same() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new(&[("logs/a/a.log", b"no time at all\n")]);
    for path in [sample("quiet-day"), folder.shown()] {
        let mut page = Page::open(browser, &page_of(&path));
        assert!(page.value("document.querySelector('h1').textContent.length").as_u64().unwrap() > 10);
        page.is_quiet();
    }
}

/// The policy is alive: a script that is not compiled in does not run, and the browser says so.
#[test]
fn a_script_that_got_in_would_not_run() {
    let Some(browser) = chromium() else { return };
    let page = page_of(&sample("quiet-day")).replace("</main>", "<script>document.title = 'owned'</script></main>");
    let mut page = Page::open(browser, &page);
    assert_ne!(page.value("document.title"), json!("owned"));
    assert!(page.trouble.iter().any(|t| t.contains("Content Security Policy")), "{:?}", page.trouble);
}
