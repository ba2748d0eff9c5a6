-- How the dashboard looks: light and dark, from 320 pixels on.

return [=[
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --panel: #ffffff; --text: #1b2430; --quiet: #55606e;
  --line: #d5dae1; --accent: #0b63b8; --second: #a3480a; --bad: #b3261e; --on: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11161c; --panel: #1a2129; --text: #e6ebf1; --quiet: #a3aebb;
    --line: #333d49; --accent: #6cb2ff; --second: #f2a65a; --bad: #ff8a80; --on: #0c1116;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif;
}
header, main { max-width: 1240px; margin: 0 auto; padding: 0 16px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; padding-top: 14px; }
h1 { font-size: 20px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 22px 0 8px; }
#state { margin: 0; color: var(--quiet); flex: 1 1 12ch; overflow-wrap: anywhere; }
#state.lost { color: var(--bad); font-weight: 600; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--panel); padding: 6px 10px; }
button, input {
  font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line);
  border-radius: 6px; padding: 4px 10px; min-height: 32px;
}
button { cursor: pointer; }
button:disabled { color: var(--quiet); cursor: default; opacity: 0.7; }
button[aria-pressed="true"] {
  background: var(--accent); color: var(--on); border-color: var(--accent);
}
button.bad { border-color: var(--bad); color: var(--bad); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.figures {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(136px, 1fr)); gap: 8px;
  margin: 0;
}
.figures div {
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 8px 10px;
}
.figures dt { color: var(--quiet); font-size: 13px; }
.figures dd {
  margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
.figures small { display: block; font-size: 13px; color: var(--quiet); }
.figures .bad dd { color: var(--bad); }
.charts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr));
  gap: 8px;
}
figure {
  margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 8px 10px; min-width: 0;
}
figcaption {
  display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 12px; font-size: 13px;
  color: var(--quiet);
}
figcaption b { color: var(--text); font-weight: 600; }
figcaption .one { color: var(--accent); } figcaption .two { color: var(--second); }
svg { display: block; width: 100%; height: 84px; margin-top: 4px; overflow: visible; }
svg path { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
svg .one { stroke: var(--accent); } svg .two { stroke: var(--second); stroke-dasharray: 5 3; }
svg .axis { stroke: var(--line); }
.times { display: flex; justify-content: space-between; font-size: 12px; color: var(--quiet); }
.scroll {
  overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
}
.ends .scroll { display: flex; flex-wrap: wrap; gap: 0 24px; padding-bottom: 4px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
#rows { width: 100%; }
caption {
  white-space: nowrap; text-align: left; color: var(--quiet); font-size: 13px;
  padding: 8px 10px 0;
}
th, td { text-align: left; padding: 5px 10px; vertical-align: top; }
th { font-weight: 600; font-size: 13px; white-space: nowrap; vertical-align: bottom; }
tbody tr { border-top: 1px solid var(--line); }
td.number, th.number { text-align: right; white-space: nowrap; }
td.text { min-width: 12ch; max-width: 34ch; overflow-wrap: break-word; }
th button, td button.open {
  border: 0; background: none; padding: 0 2px; min-height: 24px; min-width: 24px;
  font-weight: 600;
}
th button[aria-pressed] { background: none; color: inherit; }
td button.open { color: var(--accent); text-decoration: underline; }
.tools { display: flex; flex-wrap: wrap; gap: 8px 16px; margin-bottom: 8px; align-items: center; }
#views { display: flex; flex-wrap: wrap; gap: 6px; }
.search { color: var(--quiet); } .search input { margin-left: 4px; width: 18ch; max-width: 60vw; }
.note { color: var(--quiet); margin: 6px 0; }
.pages { display: flex; flex-wrap: wrap; align-items: center; gap: 12px; padding: 10px 0; }
#done { color: var(--quiet); margin: 0 0 24px; min-height: 1.5em; }
.details {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr));
  gap: 0 20px; margin: 4px 0 8px;
}
.details div { display: flex; gap: 8px; border-top: 1px solid var(--line); padding: 3px 0; }
.details dt { color: var(--quiet); flex: 0 0 13ch; }
.details dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
@media (max-width: 520px) {
  header, main { padding-left: 10px; padding-right: 10px; }
  th, td { padding: 5px 6px; }
}
]=]
