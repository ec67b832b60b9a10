"use strict";
(function () {
  const began = performance.now();
  const data = JSON.parse(document.getElementById("data").textContent);
  const charts = [];
  const readout = document.getElementById("readout");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const two = (n) => String(n).padStart(2, "0");
  const clock = (s) => { const d = new Date(s * 1000); return two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()) + ":" + two(d.getUTCSeconds()); };
  const number = (v) => v == null ? "-" : Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : String(Number(v.toPrecision(3)));
  const shown = (v, unit) => v == null ? "-" : unit === "%" ? number(v) + " %" : number(v) + (unit ? " " + unit : "");
  const whole = [data.start, data.end];
  let busy = false;

  function zoom(min, max) {
    busy = true;
    for (const u of charts) u.setScale("x", { min, max });
    busy = false;
    document.body.dataset.view = Math.round(min) + " " + Math.round(max);
  }

  // The incident as a band, every change as a line, in each chart.
  function marks(u) {
    const { ctx, bbox } = u;
    const x = (t) => Math.round(u.valToPos(t, "x", true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour("shade");
    for (const i of data.incidents) ctx.fillRect(x(i.start), bbox.top, Math.max(2, x(i.end) - x(i.start)), bbox.height);
    for (const c of data.changes) {
      ctx.strokeStyle = c.guilty ? colour("alarm") : colour("dim");
      ctx.lineWidth = (c.guilty ? 2 : 1) * devicePixelRatio;
      ctx.setLineDash(c.guilty ? [] : [4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x(c.time), bbox.top);
      ctx.lineTo(x(c.time), bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  function labels(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    const rows = [];
    for (const c of data.changes) {
      const at = u.valToPos(c.time, "x", true);
      if (at < bbox.left || at > bbox.left + bbox.width) continue;
      const wide = ctx.measureText(c.label).width + 8 * devicePixelRatio;
      const left = Math.min(at + 3 * devicePixelRatio, bbox.left + bbox.width - wide);
      let row = rows.findIndex((end) => end <= left);
      if (row < 0) { row = rows.length; rows.push(0); }
      rows[row] = left + wide;
      if (row > 3) continue;
      ctx.fillStyle = c.guilty ? colour("alarm") : colour("fg");
      ctx.fillText(c.label, left, bbox.top + (14 + row * 15) * devicePixelRatio);
    }
    ctx.restore();
  }

  function tell(u) {
    const i = u.cursor.idx;
    if (i == null || u.data[0][i] == null) { readout.textContent = ""; return; }
    const parts = u.series.slice(1).map((s, k) => s.label + " " + shown(u.data[k + 1][i], u.unit));
    readout.textContent = clock(u.data[0][i]) + " UTC  " + parts.join("  ");
  }

  function draw(host, spec, height, strip) {
    const axis = { stroke: () => colour("dim"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { stroke: () => colour("line"), width: 1 }, font: "11px system-ui, sans-serif" };
    const names = ["a", "b", "c", "d"];
    const series = spec.series.map((s, k) => ({ label: s.label, stroke: () => colour(names[k % 4]), width: 1.6, spanGaps: false, points: { show: spec.x.length < 3 } }));
    const u = new uPlot({
      width: Math.max(200, host.clientWidth), height,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
      legend: { show: false },
      cursor: { sync: { key: "time", setSeries: false }, drag: { x: true, y: false, setScale: true }, focus: { prox: 24 } },
      scales: { x: { time: true, range: (u, min, max) => [min, max] }, y: strip ? { range: [0, 1] } : { range: (u, min, max) => [Math.min(0, min), max > 0 ? max * 1.08 : 1] } },
      axes: [{ ...axis, size: 28, values: (u, ticks) => ticks.map((t, i) => { const c = clock(t); return c.endsWith(":00") && ticks.length > 1 && ticks[1] - ticks[0] >= 60 ? c.slice(0, 5) : c; }) },
             { ...axis, size: 58, show: true, values: (u, ticks) => strip ? ticks.map(() => "") : ticks.map((t) => number(t) + (spec.unit === "%" ? " %" : "")) }],
      series: [{}].concat(series),
      hooks: {
        drawClear: [marks], draw: strip ? [labels] : [],
        setCursor: [(u) => { if (u.cursor.event || document.activeElement === u.root.parentNode) tell(u); }],
        setScale: [(u, key) => { if (key === "x" && !busy && u.ready) zoom(u.scales.x.min, u.scales.x.max); }],
        ready: [(u) => { u.ready = true; }],
      },
    }, [spec.x].concat(spec.series.map((s) => s.y)), host);
    u.unit = spec.unit;
    if (spec.series.length > 1) {
      const key = document.createElement("p");
      key.className = "key";
      spec.series.forEach((s, k) => {
        const item = document.createElement("span");
        item.textContent = s.label;
        item.style.color = "var(--" + names[k % 4] + ")";
        key.appendChild(item);
      });
      host.insertBefore(key, host.children[1]);
    }
    u.setScale("x", { min: whole[0], max: whole[1] });
    u.over.addEventListener("dblclick", () => zoom(whole[0], whole[1]));
    charts.push(u);
    keys(host, u);
    return u;
  }

  // Arrows walk through the values, + and - zoom, 0 shows all.
  function keys(host, u) {
    host.addEventListener("keydown", (e) => {
      const { min, max } = u.scales.x, middle = (min + max) / 2, half = (max - min) / 2;
      const xs = u.data[0];
      let i = u.cursor.idx == null ? u.valToIdx(middle) : u.cursor.idx;
      if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
        i = Math.min(xs.length - 1, Math.max(0, i + (e.key === "ArrowLeft" ? -1 : 1) * (e.shiftKey ? 10 : 1)));
        u.setCursor({ left: u.valToPos(xs[i], "x"), top: u.over.clientHeight / 2 });
        u.cursor.idx = i;
        tell(u);
      } else if (e.key === "+" || e.key === "=") zoom(middle - half / 2, middle + half / 2);
      else if (e.key === "-") zoom(Math.max(whole[0], middle - half * 2), Math.min(whole[1], middle + half * 2));
      else if (e.key === "0" || e.key === "Escape") zoom(whole[0], whole[1]);
      else return;
      e.preventDefault();
    });
  }

  const grid = (c) => ({ ...c, x: c.x || c.series[0].y.map((_, i) => c.start + i * c.step) });
  function host(parent, title, unit) {
    const div = document.createElement("div");
    div.className = "chart";
    div.tabIndex = 0;
    div.setAttribute("role", "group");
    div.setAttribute("aria-label", title + ", chart; arrow keys read values, plus and minus zoom, 0 shows all");
    const h = document.createElement("h3");
    h.textContent = title + (unit && unit !== "%" ? " (" + unit + ")" : "");
    div.appendChild(h);
    parent.appendChild(div);
    return div;
  }

  const timeline = document.getElementById("timeline-charts");
  if (timeline && data.charts.length) {
    draw(host(timeline, data.strip, ""), { x: whole, series: [{ label: "", y: [null, null] }], unit: "" }, 110, true);
    for (const c of data.charts) draw(host(timeline, c.title, c.unit), grid(c), 170, false);
  }
  document.body.dataset.firstChartMs = String(Math.round(performance.now() - began));
  document.body.dataset.charts = String(charts.length);
  const incident = data.incidents[0];
  const near = () => { if (!incident) return whole; const room = Math.max(30, (incident.end - incident.start) * 1.5); return [Math.max(whole[0], incident.start - room), Math.min(whole[1], incident.end + room)]; };
  const rest = () => {
    const multiples = document.getElementById("multiples");
    if (multiples) for (const c of data.multiples) draw(host(multiples, c.title, c.unit), grid(c), 120, false);
    document.body.dataset.charts = String(charts.length);
    if (incident && (incident.end - incident.start) * 20 < whole[1] - whole[0]) zoom(...near());
    document.body.dataset.ready = "yes";
  };
  requestAnimationFrame(() => setTimeout(rest, 0));
  const on = (id, f) => { const b = document.getElementById(id); if (b) b.addEventListener("click", f); };
  on("zoom-incident", () => zoom(...near()));
  on("zoom-all", () => zoom(...whole));
  for (const b of document.querySelectorAll("button[data-time]")) {
    b.addEventListener("click", () => { const t = Number(b.dataset.time); const half = Math.max(30, (whole[1] - whole[0]) / 20); zoom(t - half, t + half); timeline.scrollIntoView({ block: "start" }); });
  }
  const resize = () => { for (const u of charts) u.setSize({ width: Math.max(200, u.root.parentNode.clientWidth), height: u.height }); };
  let waiting;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(resize, 60); });
  const redraw = () => { for (const u of charts) u.redraw(false, true); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  const print = () => { document.querySelectorAll("details").forEach((d) => { d.open = true; }); resize(); redraw(); };
  window.addEventListener("beforeprint", print);
  window.addEventListener("afterprint", () => { resize(); redraw(); });
})();
