//! Tests of reading configuration snapshots.

use proptest::prelude::*;

use super::*;

/// Flattens and writes `key=value@line`, one a line, without complaints.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let flat = flatten(path, text).unwrap();
    assert_eq!(flat.complaints, [], "{path}");
    assert_eq!(shown(&flat), expected, "{path}\n{text}");
}

fn shown(flat: &Flat) -> Vec<String> {
    flat.entries.iter().map(|(key, entry)| format!("{key}={}@{}", entry.value, entry.line)).collect()
}

#[test]
fn nothing_is_not_a_fault() {
    for path in ["a.yaml", "a.json", "a.toml", "a.properties", "a.ini", "a.env", "a.conf", "a", "a.hocon"] {
        let flat = flatten(path, "").unwrap();
        assert!(flat.entries.is_empty(), "{path}");
        assert!(flatten(path, "# a comment only\n").unwrap().entries.is_empty(), "{path}");
    }
}

#[test]
fn what_is_not_text_is_refused() {
    assert!(flatten("a.yaml", "a\0b").unwrap_err().contains("not a text file"));
    assert!(flatten("a.env", &"#".repeat(MAX_BYTES + 1)).unwrap_err().contains("too large"));
}

#[test]
fn yaml_nesting_lists_and_spellings() {
    check(
        "a.yaml",
        "# head\na:\n  b: 1.50   # why\n  c: \"x: y\"\n  d: [1, two]\n  e:\n  f: ~\n8080: 'yes'\nmode: 0644\n",
        &["8080=yes@8", "a.b=1.50@3", "a.c=x: y@4", "a.d.0=1@5", "a.d.1=two@5", "a.e=@6", "a.f=~@7", "mode=0644@9"],
    );
}

#[test]
fn yaml_tags_leave_the_value() {
    check("a.yaml", "a: !x 5.5\nb: !y\n  c: !!str 3\n", &["a=5.5@1", "b.c=3@3"]);
}

#[test]
fn yaml_list_items_are_named_where_they_can_be() {
    check(
        "a.yml",
        "c:\n- name: web\n  env:\n  - name: SIZE\n    value: \"9\"\n  - name: SRC\n    valueFrom:\n      key: k\n- name: side\n  image: x:1\n",
        &["c.side.image=x:1@10", "c.web.env.SIZE=9@5", "c.web.env.SRC.valueFrom.key=k@8"],
    );
    check("a.yml", "environment:\n  - POOL=3\n  - URL=http://h?a=b\n", &["environment.POOL=3@2", "environment.URL=http://h?a=b@3"]);
    check("a.yml", "args: [\"--max-size=3\", \"--verbose=1\"]\n", &["args.max-size=3@1", "args.verbose=1@1"]);
}

#[test]
fn yaml_documents_anchors_and_merges() {
    check("a.yaml", "a: &x\n  t: 1\n  u: 2\nb:\n  <<: *x\n  u: 3\n", &["a.t=1@2", "a.u=2@3", "b.t=1@2", "b.u=3@6"]);
    check(
        "a.yaml",
        "kind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n---\nb: 2\n",
        &["1.b=2@5", "Deployment.web.kind=Deployment@1", "Deployment.web.metadata.name=web@2", "Deployment.web.spec.replicas=3@3"],
    );
}

#[test]
fn yaml_files_inside_files() {
    check(
        "cm.yaml",
        "data:\n  app.properties: |\n    pool.max=3\n    # c\n    pool.min=1\n  note: |\n    one\n    two\n",
        &["data.app.properties.pool.max=3@3", "data.app.properties.pool.min=1@5", "data.note=one\ntwo@7"],
    );
}

#[test]
fn yaml_with_a_fault_is_read_line_by_line() {
    let flat = flatten("a.yaml", "a:\n  b: 1\n  b: 2\nc: [1, 2\nd:\n  e: 5\n").unwrap();
    assert_eq!(flat.complaints.len(), 1, "{:?}", flat.complaints);
    assert!(shown(&flat).contains(&"d.e=5@6".to_owned()), "{flat:?}");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &('b'..='j').zip('a'..).map(|(n, o)| format!("{n}: &{n} [{}]\n", vec![format!("*{o}"); 9].join(","))).collect::<String>();
    let flat = flatten("bomb.yaml", &bomb).unwrap();
    assert!(flat.complaints[0].1.contains("alias"), "{:?}", flat.complaints);
}

#[test]
fn depth_is_bounded() {
    for (path, text) in [
        ("a.yaml", "- ".repeat(50_000)),
        ("a.yaml", (0..2_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect()),
        ("a.yaml", "[".repeat(50_000)),
        ("a.yaml", "a: ".to_owned() + &"{a: ".repeat(50_000)),
        ("a.json", "[".repeat(50_000)),
        ("a.json", "{\"a\":".repeat(50_000)),
        ("a.toml", format!("a = {}", "[".repeat(50_000))),
        ("a.conf", "a {\n".repeat(50_000)),
        ("a.conf", "a {\nb; ".repeat(50_000)),
        ("a.hocon", "a {\n".repeat(50_000)),
        ("a.yaml", (0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>() + &" ".repeat(101) + "b: 1\n"),
    ] {
        let flat = flatten(path, &text).unwrap();
        assert!(!flat.complaints.is_empty(), "{path} {}", &text[..40.min(text.len())]);
    }
    let many: String = (0..MAX_ENTRIES + 2).map(|i| format!("k{i}=1\n")).collect();
    assert!(flatten("a.properties", &many).unwrap().complaints[0].1.contains("more than"));
}

#[test]
fn json_and_its_liberties() {
    check(
        "a.json",
        "{\n \"a\": {\"b\": \"x\\n\\u00e9\", \"c\": [1, {\"id\": \"q\", \"v\": true}]},\n // why\n d: 'e', /* two\nlines */ \"f\": null,\n}\n",
        &["a.b=x\né@2", "a.c.0=1@2", "a.c.1.id=q@2", "a.c.1.v=true@2", "d=e@4", "f=null@5"],
    );
    check("a.json", "[{\"name\":\"p\",\"size\":1},{\"name\":\"q\",\"size\":2}]", &["p.size=1@1", "q.size=2@1"]);
    for (text, why) in [
        ("{\"a\": 1 \"b\": 2}", "comma"),
        ("{\"a\": 1", "ends early"),
        ("{\"a\"}", "colon"),
        ("{} x", "after the end"),
        ("{\"a\": \"x", "not closed"),
    ] {
        let flat = flatten("a.json", text).unwrap();
        assert!(flat.complaints[0].1.contains(why), "{text}: {:?}", flat.complaints);
    }
    assert_eq!(shown(&flatten("a.json", "{\"a\": 1 \"b\": 2}").unwrap()), ["a=1@1"]);
}

#[test]
fn toml_dotted_keys_equal_nested_ones() {
    let nested = "[db.pool]\nmax = 3\n";
    let dotted = "\ndb.pool.max = 3\n";
    check("a.toml", nested, &["db.pool.max=3@2"]);
    check("a.toml", dotted, &["db.pool.max=3@2"]);
    check(
        "a.toml",
        "d = 2023-08-12\nf = 1.50\n[[s]]\nname = 'a'\nv = \"\"\"\nx\"\"\"\n[[s]]\nname = 'b'\nv = {w = 1}\n",
        &["d=2023-08-12@1", "f=1.50@2", "s.a.v=x@5", "s.b.v.w=1@9"],
    );
    let flat = flatten("a.toml", "a = 1\nb = = 2\nc = 3\n").unwrap();
    assert_eq!(flat.complaints[0].0, 2);
    assert!(shown(&flat).contains(&"a=1@1".to_owned()));
}

#[test]
fn properties() {
    check(
        "a.properties",
        "! c\n# c\na.b=1\nc : two words \nd   e\nf=x,\\\n   y\ng\\:h=\\u0041\\=\npath=C\\:\\\\x\nlone\n",
        &["a.b=1@3", "c=two words@4", "d=e@5", "f=x,y@6", "g:h=A=@8", "lone=@10", "path=C:\\x@9"],
    );
}

#[test]
fn ini_sections() {
    check(
        "my.cnf",
        "top = 0\n[mysqld]\nmax_connections = 70 # why\nskip-networking\n[client]\nport: 3306\nlist = a,\n   b\n; c\n",
        &["client.list=a,, b@7", "client.port=3306@6", "mysqld.max_connections=70@3", "mysqld.skip-networking=@4", "top=0@1"],
    );
    check(
        "pooler.ini",
        "[databases]\ndepot = host=db port=5432 pool_size=20\n[p]\npool_mode = transaction\n",
        &["databases.depot.host=db@2", "databases.depot.pool_size=20@2", "databases.depot.port=5432@2", "p.pool_mode=transaction@4"],
    );
}

#[test]
fn env_files() {
    check(
        ".env.production",
        "export A=1\nB=\"x # y\" # c\nC='it\"s'\nD=a b # c\nE=\nF=\"one\ntwo\"\nG=http://h/#frag\n",
        &["A=1@1", "B=x # y@2", "C=it\"s@3", "D=a b@4", "E=@5", "F=one\ntwo@6", "G=http://h/#frag@8"],
    );
    let flat = flatten("a.env", "what is this\nA=\"not closed\n").unwrap();
    assert_eq!((flat.complaints[0].0, shown(&flat)), (1, vec!["A=\"not closed@2".to_owned()]));
}

#[test]
fn conf_with_assignments() {
    check(
        "postgresql.conf",
        "max_connections = 100 # (change requires restart)\nwork_mem 4MB\nlog_line_prefix = '%m [%p] '\nnote = 'it''s # not a comment'\nport = 1\nport = 2\n",
        &["log_line_prefix=%m [%p] @3", "max_connections=100@1", "note=it's # not a comment@4", "port=2@6", "work_mem=4MB@2"],
    );
}

#[test]
fn conf_with_words() {
    check(
        "redis.conf",
        "# c\nport 6379\nsave 900 1\nsave 300 10\nrequirepass \"a b\"\nmaxmemory-policy noeviction\nsave2 \"\"\n",
        &["maxmemory-policy=noeviction@6", "port=6379@2", "requirepass=a b@5", "save=900 1, 300 10@3", "save2=@7"],
    );
    check(
        "httpd.conf",
        "Timeout 60\n<VirtualHost *:80>\n  ServerName x\n</VirtualHost>\nKeepAlive On\n",
        &["KeepAlive=On@5", "Timeout=60@1", "VirtualHost.*:80.ServerName=x@3"],
    );
}

#[test]
fn conf_with_statements() {
    check(
        "nginx.conf",
        "user nobody; pid x.pid;\nhttp {\n  # c { d;\n  log_format main '{\"a;b\":\"$x\"}' '}';\n  upstream app { server 10.0.0.1:80 max_fails=0; server 10.0.0.2:80; }\n  server {\n    location ~ \\.(php|ico)$ { }\n    location / {\n      proxy_pass http://app;\n      proxy_set_header Host $host;\n      proxy_set_header Connection \"\";\n      return 302 ${scheme}://x;\n    }\n  }\n}\n",
        &[
            "http.log_format.main={\"a;b\":\"$x\"} }@4",
            "http.server.location./.proxy_pass=http://app@9",
            "http.server.location./.proxy_set_header.Connection=@11",
            "http.server.location./.proxy_set_header.Host=$host@10",
            "http.server.location./.return=302 ${scheme}://x@12",
            "http.upstream.app.server=10.0.0.1:80 max_fails=0, 10.0.0.2:80@5",
            "pid=x.pid@1",
            "user=nobody@1",
        ],
    );
    check(
        "nginx.conf",
        "server {\n listen 80;\n server_name a.x;\n}\nserver {\n listen 81;\n server_name b.x;\n}\n",
        &["server.a.x.listen=80@2", "server.a.x.server_name=a.x@3", "server.b.x.listen=81@6", "server.b.x.server_name=b.x@7"],
    );
}

#[test]
fn conf_with_sections() {
    check(
        "haproxy.cfg",
        "global\n  maxconn 2000\ndefaults\n  timeout connect 2s\n  option httplog\nbackend app\n  balance roundrobin\n  server a 10.0.0.1:80 check maxconn 30\n  server b 10.0.0.2:80 check\n",
        &[
            "backend.app.balance=roundrobin@7",
            "backend.app.server.a=10.0.0.1:80 check maxconn 30@8",
            "backend.app.server.b=10.0.0.2:80 check@9",
            "defaults.option.httplog=@5",
            "defaults.timeout.connect=2s@4",
            "global.maxconn=2000@2",
        ],
    );
}

#[test]
fn hocon_and_hcl() {
    check(
        "application.conf",
        "# c\nakka.http {\n  server { idle-timeout = 30 s }\n  // c\n  port: 8080\n  port = ${?PORT}\n}\ndb.url = \"jdbc:x://h/d\"\nxs = [1, 2]\n",
        &["akka.http.port=8080@5", "akka.http.server.idle-timeout=30 s@3", "db.url=jdbc:x://h/d@8", "xs=[1, 2]@9"],
    );
    check("main.tf", "resource \"aws_db\" \"main\" {\n  size = 3\n}\n", &["resource.aws_db.main.size=3@2"]);
}

#[test]
fn content_decides_where_the_name_does_not() {
    for (text, format) in [
        ("{\n \"a\": 1\n}", Format::Json),
        ("a:\n  b: 1\n", Format::Yaml),
        ("[a]\nb = 1\n", Format::Toml),
        ("[a]\nb = x y\n", Format::Ini),
        ("A_B=1\nexport C=2\n", Format::Env),
        ("a.b=1\nc.d=2\n", Format::Properties),
        ("a = 1\nb = 'c'\n", Format::Words),
        ("bind 0.0.0.0\nport 1\n", Format::Words),
        ("events {\n a 1;\n}\n", Format::Statements),
        ("a {\n b = 1\n}\n", Format::Hocon),
        ("global\n maxconn 1\n", Format::Sections),
    ] {
        assert_eq!(Format::of("service.conf", text), format, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-a-c0-2 :=.,;#&*!|>%@'\"\\\\{}\\[\\]<>?~$\t\n\u{e9}]{0,120}") {
        for path in ["a.yaml", "a.json", "a.toml", "a.properties", "a.ini", "a.env", "a.conf", "a.hocon", "nginx.conf"] {
            let flat = flatten(path, &text).unwrap();
            let lines = text.lines().count() as u64 + 1;
            prop_assert!(flat.entries.values().all(|entry| entry.line >= 1 && entry.line <= lines), "{path} {flat:?}");
        }
        for format in [Format::Yaml, Format::Toml, Format::Statements, Format::Hocon, Format::Sections, Format::Words, Format::Env] {
            flatten_lines(format, &numbered(&text), &mut Flat::default());
        }
    }
}
