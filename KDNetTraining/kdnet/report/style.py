"""The style sheet of a report: light, dark and print, from phones to wide screens."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --muted: #5d6876; --line: #d9dfe6; --paper: #fff; --card: #f5f7f9;
  --teacher: #2f6fb0; --baseline: #868e99; --control: #b08d3c; --student: #c8472f; --good: #1f7a4d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --muted: #9aa6b4; --line: #333c47; --paper: #12161b;
  --card: #1a2027; --teacher: #6fb0f2; --baseline: #9aa3ae; --control: #d9b65e;
  --student: #ff8d70; --good: #6fd3a0; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink);
  background: var(--paper); -webkit-text-size-adjust: 100%; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: .2rem 0 .8rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 .6rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.8rem 0 .5rem; }
p { margin: .6rem 0; max-width: 46rem; }
.above { color: var(--muted); font-size: .85rem; letter-spacing: .04em; margin: 0; }
.lead { font-size: 1.06rem; }
.verdict { border-left: 4px solid var(--muted); background: var(--card); border-radius: 0 8px 8px 0; margin: 1.2rem 0;
  padding: .9rem 1.2rem; }
.verdict.better { border-color: var(--good); } .verdict.worse { border-color: var(--bad); }
.verdict p { max-width: none; margin: .2rem 0; font-size: 1.08rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14.5rem), 1fr)); gap: .8rem;
  margin: 1.2rem 0; }
.tile { background: var(--card); border-radius: 10px; padding: .9rem 1.1rem; }
.tile .name { color: var(--muted); font-size: .85rem; } .tile .range { color: var(--muted); font-size: .88rem; }
.tile .value { font-size: 1.55rem; white-space: nowrap; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.tile .value.muted { color: var(--muted); }
.caveats { color: var(--muted); font-size: .92rem; padding-left: 1.1rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: .3rem 0; }
.scroll:focus-visible { outline: 2px solid var(--teacher); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .94rem; }
th, td { text-align: right; padding: .5rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, .text { text-align: left; } .narrow table { width: auto; min-width: min(100%, 28rem); }
.note { color: var(--muted); font-size: .88rem; }
thead th { color: var(--muted); font-weight: 600; font-size: .86rem; border-bottom: 2px solid var(--line); }
tbody th { font-weight: 600; } td small { display: block; color: var(--muted); font-size: .82rem; }
tr.mean > *, td.mean, th.mean { background: var(--card); font-weight: 600; } td.mean small { font-weight: 400; }
.dot { display: inline-block; width: .72em; height: .72em; border-radius: 50%; margin-right: .5em; }
.teacher { background: var(--teacher); } .baseline { background: var(--baseline); }
.control { background: var(--control); } .student { background: var(--student); }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; padding: 0; margin: .5rem 0;
  font-size: .92rem; }
.key .dot.square { border-radius: 3px; }
figure { margin: 1rem 0; } figcaption { color: var(--muted); font-size: .88rem; max-width: 46rem; margin-top: .3rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14.2rem), 1fr)); gap: .8rem 1rem; }
.panels.two { grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.panels svg { width: 100%; height: auto; display: block; max-width: 32rem; overflow: visible; }
.slices { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.8rem, 1fr)); gap: .5rem; align-items: start;
  background: #000;
  border-radius: 10px; padding: .7rem; }
.slices figure { margin: 0; display: flex; flex-direction: column; }
.slices img { width: 100%; height: auto; display: block; }
.slices figcaption { color: #dfe5ec; font-size: .82rem; line-height: 1.35; margin-top: .45rem; }
.slices figcaption span { color: #9aa6b4; display: block; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.4rem; margin: .8rem 0; }
dl.facts dt { color: var(--muted); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--card); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto; font-size: .88rem; }
details { margin: .7rem 0; } summary { cursor: pointer; color: var(--muted); }
.sources { font-size: .92rem; } .sources li { margin: .3rem 0; max-width: 46rem; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--muted); font-size: .9rem; }
@media (max-width: 34rem) { dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .5rem; } }
@media print { :root { color-scheme: light; --ink: #111; --muted: #444; --line: #bbb; --paper: #fff; --card: #f3f3f3;
  --teacher: #2f6fb0; --baseline: #868e99; --control: #b08d3c; --student: #c8472f; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } .scroll { overflow: visible; }
  h2, h3 { break-after: avoid; } figure, tr, .tile, .verdict, .slices { break-inside: avoid; }
  table { font-size: 8.5pt; } th, td { padding: .25rem .35rem; white-space: normal; }
  .panels { grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); } .panels.two { grid-template-columns: 1fr 1fr; }
  .slices { grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); }
  td small, thead th { font-size: 8pt; } tbody th, td small { white-space: nowrap; }
  details::details-content { content-visibility: visible; display: block; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
