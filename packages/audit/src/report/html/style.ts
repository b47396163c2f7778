/** The look of the page: light, dark and on paper. No font, picture or file comes from elsewhere. */

const LIGHT = `
--page:#f6f6f3;--card:#fff;--ink:#1b1d22;--muted:#5c616b;--line:#dedfda;--soft:#efefeb;--accent:#2456c9;
--critical:#b0103a;--high:#b5420a;--medium:#7d5900;--low:#1c6796;--good:#17713e;--unsure:#6d3aa3;
--critical-soft:#fbe3e8;--high-soft:#fbe8dc;--medium-soft:#f8edcf;--low-soft:#dfeef8;--good-soft:#e0f2e6;--unsure-soft:#efe5f8;
--shadow:0 1px 2px rgb(20 22 30 / 6%),0 4px 16px rgb(20 22 30 / 4%);color-scheme:light;`

const DARK = `
--page:#111317;--card:#191c22;--ink:#e8eaef;--muted:#9ca3b0;--line:#2c313b;--soft:#22262e;--accent:#8ab0ff;
--critical:#ff7a97;--high:#ff9b66;--medium:#e8be55;--low:#74bdf0;--good:#64cd8f;--unsure:#c9a3f2;
--critical-soft:#3d1a25;--high-soft:#3b2418;--medium-soft:#352b14;--low-soft:#162d3e;--good-soft:#173324;--unsure-soft:#2c2140;
--shadow:none;color-scheme:dark;`

export const STYLE = `
:root{${LIGHT}--mono:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}
:root[data-theme=dark]{${DARK}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:5rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 var(--sans)}
main,.bar{max-width:1180px;margin:0 auto;padding:0 24px}
h1,h2,h3,p,ul,ol,dl,dd,figure{margin:0;padding:0}
ul,ol{list-style:none}
h2{font-size:1.3rem;letter-spacing:-.01em;margin:44px 0 14px}
h3{font-size:1.12rem;line-height:1.35}
code,.code,.points,.rule{font-family:var(--mono);font-size:.875em}
code{overflow-wrap:anywhere}
a{color:var(--accent);text-underline-offset:2px}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
.muted{color:var(--muted);font-size:.9rem}
.good{color:var(--good)}.bad{color:var(--critical);font-weight:600}.unsure{color:var(--unsure)}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow)}
.skip{position:absolute;left:-999px}.skip:focus{left:12px;top:12px;background:var(--card);padding:8px 12px;z-index:3}
header.top{border-bottom:1px solid var(--line);background:var(--card)}
.bar{display:flex;align-items:center;gap:14px;padding-top:14px;padding-bottom:14px}
.bar svg{flex:none}.bar .gate{stroke:var(--ink);fill:none;stroke-width:2.6}.bar .gate.open{stroke:var(--accent)}
.bar h1{font-size:1.05rem;font-weight:650;display:flex;flex-wrap:wrap;gap:0 8px;min-width:0}
.bar h1 span{font-weight:400;color:var(--muted);overflow-wrap:anywhere}
.bar .where{margin-left:auto;color:var(--muted);font-size:.88rem;white-space:nowrap}
button,input,select{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:6px 11px}
button{cursor:pointer;white-space:nowrap;flex:none}button:hover{background:var(--soft)}
.grade{margin-top:28px;display:grid;grid-template-columns:190px minmax(230px,1fr) minmax(0,1.35fr)}
.grade>*{padding:26px}.grade>*+*{border-left:1px solid var(--line)}
.letter.gA,.letter.gB{--c:var(--good)}.subjects .letter{color:var(--c);font-size:1.15rem;display:inline}
.grade .letter{display:flex;flex-direction:column;align-items:center;justify-content:center}
.letter.gC{--c:var(--medium)}.letter.gD{--c:var(--high)}.letter.gF{--c:var(--critical)}
.big{font-size:7rem;line-height:1;font-weight:760;letter-spacing:-.04em;color:var(--c)}
.score{color:var(--muted);margin-top:6px}.score b{color:var(--ink);font-size:1.15rem}
.meter{width:100%;margin-top:12px}.meter svg{display:block;width:100%;height:6px;border-radius:3px}
.track{fill:var(--soft)}.fill{fill:var(--c)}
.grade.many{grid-template-columns:190px minmax(0,1fr)}.grade.many .rules{grid-column:1/-1;border-left:0;border-top:1px solid var(--line);columns:2;column-gap:52px}
.outcome{break-inside:avoid}
.facts p{color:var(--muted);font-size:.92rem;margin-top:7px}
.tally{display:flex;flex-wrap:wrap;gap:4px 18px;margin-bottom:12px}
.tally b{font-size:1.5rem;font-weight:680;margin-right:2px}.tally .zero{color:var(--muted)}
.tally .critical{color:var(--critical)}.tally .high{color:var(--high)}.tally .medium{color:var(--medium)}.tally .low{color:var(--low)}
.outcome{display:grid;grid-template-columns:22px minmax(0,1fr) auto 44px;gap:0 6px;align-items:baseline;padding:3px 0;font-size:.93rem}
.outcome .name{overflow-wrap:anywhere}
.outcome .glyph{font-weight:700;color:var(--muted)}.outcome .remark{color:var(--muted);font-size:.85rem;text-align:right}
.outcome .points{text-align:right;font-weight:600}
.outcome .reasons{grid-column:2/-1;color:var(--muted);font-size:.83rem;overflow-wrap:anywhere}
.outcome.pass .glyph{color:var(--good)}.outcome.open .glyph,.outcome.open .remark{color:var(--unsure)}
.outcome.notApplicable .name{color:var(--muted)}
.outcome.critical .glyph,.outcome.critical .points{color:var(--critical)}.outcome.high .glyph,.outcome.high .points{color:var(--high)}
.outcome.medium .glyph,.outcome.medium .points{color:var(--medium)}.outcome.low .glyph,.outcome.low .points{color:var(--low)}
.subjects{width:100%;border-collapse:collapse}.subjects th,.subjects td{text-align:left;padding:9px 18px;border-top:1px solid var(--line)}
.subjects thead th{border-top:0;color:var(--muted);font-weight:500;font-size:.88rem}.subjects .num{text-align:right}.subjects th code{overflow-wrap:normal}.scroll{overflow-x:auto}
.lifecycle{padding:22px 26px 24px;margin-bottom:18px}
.lifecycle figcaption p{margin-top:2px}
.picture{margin:8px 0 10px}.picture svg{display:block;width:100%;height:auto;max-width:1060px;margin:0 auto}
.picture text{font:13.5px var(--sans);fill:var(--ink);text-anchor:middle}
.present{--c:var(--good);--s:var(--good-soft)}.missing{--c:var(--critical);--s:var(--critical-soft)}.partial{--c:var(--medium);--s:var(--medium-soft)}
.unknown{--c:var(--unsure);--s:var(--unsure-soft)}.notApplicable{--c:var(--muted);--s:var(--soft)}
.state circle{fill:var(--card);stroke:var(--ink);stroke-width:2}
.state rect{fill:var(--soft);stroke:var(--ink);stroke-width:2}.state .inner{fill:none;stroke-width:1.2}
.picture .state text{font-weight:640}
.edge{fill:none;stroke:var(--c);stroke-width:2}
.edge.missing{stroke-dasharray:7 6}.edge.partial{stroke-dasharray:14 4}.edge.unknown{stroke-dasharray:2 5}.edge.notApplicable{stroke-dasharray:2 6;stroke-width:1.4}
.head{fill:var(--c)}marker.missing .head,marker.unknown .head,marker.notApplicable .head{fill:var(--card);stroke:var(--c)}
.label rect{fill:var(--s);stroke:var(--c);stroke-width:1.3}
.picture .label text{fill:var(--c);font-weight:560}.picture .label .glyph{font-weight:700}
a.label{cursor:pointer}a.label:hover rect,a.label:focus-visible rect{stroke-width:2.6}
.rail{border-top:1px solid var(--line);padding-top:14px;display:grid;gap:2px;font-size:.93rem}
.rail>.state{font-weight:640;display:flex;align-items:center;gap:10px;padding:3px 0}
.dot{width:14px;height:14px;border-radius:50%;border:2px solid var(--ink);flex:none}
.dot.open{background:linear-gradient(90deg,var(--ink) 50%,transparent 50%)}.dot.authenticated{background:var(--ink)}.dot.ended{border-radius:3px;background:var(--ink)}
.way{display:grid;grid-template-columns:20px 1fr;gap:6px;margin-left:6px;padding:3px 0 3px 16px;border-left:2px solid var(--c)}
.way.missing,.way.unknown,.way.notApplicable{border-left-style:dashed}
.way>.glyph,.way .word{color:var(--c);font-weight:640}.way.notApplicable{color:var(--muted)}.way .word{font-size:.85rem;margin:0 4px}
.places{color:var(--muted);font-size:.88rem}
.filter{position:sticky;top:0;z-index:2;background:var(--page);padding:12px 0;display:flex;flex-wrap:wrap;gap:8px 10px;align-items:center;border-bottom:1px solid var(--line);margin-bottom:18px}
.filter[hidden]{display:none}
.filter input[type=search]{flex:1 1 220px;min-width:0}
.filter label{display:inline-flex;align-items:center;gap:5px;font-size:.92rem}
.filter select{max-width:260px}.filter output{color:var(--muted);font-size:.88rem;margin-left:auto}
.filter input[type=checkbox]{accent-color:var(--accent);width:16px;height:16px}
.finding{margin-bottom:20px;overflow:hidden;border-left:5px solid var(--c)}
.finding[hidden]{display:none}
.critical{--c:var(--critical);--s:var(--critical-soft)}.high{--c:var(--high);--s:var(--high-soft)}.medium{--c:var(--medium);--s:var(--medium-soft)}.low{--c:var(--low);--s:var(--low-soft)}
.finding>header{padding:20px 24px 16px}
.kicker{display:flex;flex-wrap:wrap;align-items:center;gap:4px 10px;margin-bottom:7px}
.pill{background:var(--s);color:var(--c);font-weight:680;font-size:.78rem;letter-spacing:.03em;text-transform:uppercase;border-radius:99px;padding:2px 10px}
.rule{color:var(--muted)}.tag{font-size:.82rem;color:var(--muted);border:1px solid var(--line);border-radius:99px;padding:1px 9px}
.permalink{margin-left:auto;text-decoration:none;color:var(--muted)}
.what{margin:5px 0;max-width:76ch;overflow-wrap:anywhere}
.evidence{display:grid;grid-template-columns:minmax(0,1.75fr) minmax(250px,1fr);border-top:1px solid var(--line);border-bottom:1px solid var(--line);background:color-mix(in srgb,var(--soft) 45%,var(--card))}
.frames{min-width:0;border-right:1px solid var(--line);padding:6px 0}
.frame+.frame{border-top:1px dashed var(--line)}
.frame figcaption{font:600 .8rem var(--mono);color:var(--muted);padding:9px 18px 3px;overflow-wrap:anywhere}
.code{overflow-x:auto;padding:2px 0 10px;line-height:1.7;tab-size:2}
.code li{display:flex;white-space:pre;min-width:max-content;padding-right:18px}
.code .no{flex:none;width:46px;text-align:right;color:var(--muted);user-select:none;font-size:.9em}
.code .steps{flex:none;display:flex;gap:2px;align-items:center;justify-content:flex-end;min-width:34px;padding-right:7px}
.code code{font-size:1em;white-space:pre;overflow-wrap:normal}
.code .context code{color:var(--muted)}.code .gap{padding-left:34px;color:var(--muted)}
.code .marked{background:color-mix(in srgb,var(--card) 70%,transparent)}
mark{color:inherit;background:color-mix(in srgb,var(--accent) 13%,transparent);border-bottom:2px solid var(--accent);border-radius:2px}
mark.primary{background:var(--s);border-color:var(--c)}
.step{display:inline-grid;place-items:center;min-width:18px;height:18px;padding:0 5px;border-radius:9px;background:var(--accent);color:var(--card);font:700 11px/1 var(--sans);text-decoration:none}
.step.primary{background:var(--c)}
.step:target,.lit>.step,.step.lit{outline:3px solid color-mix(in srgb,var(--accent) 45%,transparent)}
.trace{padding:16px 20px;display:grid;gap:12px;align-content:start;font-size:.93rem}
.trace li{display:grid;grid-template-columns:24px minmax(0,1fr);gap:8px;border-radius:6px}
.trace li:target{background:var(--soft)}
.trace .note{display:block;overflow-wrap:anywhere}.trace .primary .note{font-weight:620}
.trace .step{margin-top:3px;justify-self:start}
.evidence>div{min-width:0}
.sequence{border-right:1px solid var(--line);padding:14px 18px;height:100%}
.lifelines{display:grid;grid-template-columns:22% 1fr auto;padding-left:30px;font-weight:650;font-size:.9rem}
.sequence ol{display:grid;gap:8px;margin:6px 0}.sequence li{display:grid;grid-template-columns:24px minmax(0,1fr);gap:6px;align-items:start}
.arrows{border:0 solid var(--line);border-width:0 2px;padding:5px 12px;min-width:0}.mallory .arrows{margin-left:22%}
.there,.back{display:block;overflow-wrap:anywhere;padding-bottom:2px;border-bottom:2px solid var(--accent)}.back{border-bottom-style:dashed;margin-top:4px}
.there::after{content:'\\25b6';float:right;color:var(--accent)}.back::before{content:'\\25c0\\2002';color:var(--accent)}
.theft .arrows{background:var(--s)}.theft .there,.theft .back{border-color:var(--c)}.moment{display:block;color:var(--c);margin-top:4px}
.sequence summary{cursor:pointer;color:var(--muted);font-size:.86rem;margin-top:4px}.sequence pre{overflow-x:auto;font:.78rem/1.5 var(--mono);background:var(--soft);border-radius:6px;padding:8px 10px;margin:6px 0}
.advice{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:14px 32px;padding:18px 24px 22px;font-size:.95rem}
.advice dt{font-weight:650;margin-bottom:2px}.advice dd{color:var(--ink);overflow-wrap:anywhere}
.list{padding:2px 24px 20px;margin-top:26px}.list h2{margin:18px 0 2px}.list ul{margin-top:8px;display:grid;gap:7px;font-size:.93rem}
.list li{overflow-wrap:anywhere}.count{color:var(--muted);font-weight:400}
.no-match{padding:26px;text-align:center}
footer{max-width:1180px;margin:40px auto 0;padding:18px 24px 40px;color:var(--muted);font-size:.88rem}
kbd{font:600 .8rem var(--mono);border:1px solid var(--line);border-bottom-width:2px;border-radius:5px;padding:0 5px;background:var(--card)}
@media (max-width:900px){
 .grade{grid-template-columns:150px minmax(0,1fr)}.grade .rules{grid-column:1/-1;border-left:0;border-top:1px solid var(--line)}
 .big{font-size:5.2rem}.evidence{grid-template-columns:minmax(0,1fr)}.frames{border-right:0;border-bottom:1px solid var(--line)}
}
@media (max-width:680px){
 .subjects td:last-child,.subjects th:last-child:not(:first-child){display:none}
 .grade.many,.grade.many .rules{grid-template-columns:minmax(0,1fr);columns:1}
 main,.bar,footer{padding-left:14px;padding-right:14px}
 .grade{grid-template-columns:minmax(0,1fr)}.grade>*+*{border-left:0;border-top:1px solid var(--line)}.grade>*{padding:18px}
 .grade .letter{flex-direction:row;flex-wrap:wrap;gap:4px 16px;justify-content:flex-start}.meter{margin-top:4px}
 .outcome{grid-template-columns:20px minmax(0,1fr) 40px}.outcome .remark{grid-column:2;text-align:left;grid-row:2}.outcome .points{grid-column:3;grid-row:1}
 .picture{display:none}.lifecycle{padding:18px}.lifecycle .rail{margin-top:12px}
 .finding>header,.advice{padding-left:16px;padding-right:16px}.code .no{width:34px}.code .steps{min-width:28px;padding-right:5px}
 .bar .where{display:none}.bar h1{flex:1}.filter{position:static}.filter output{margin-left:0}
}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{
 :root,:root[data-theme=dark]{${LIGHT}--page:#fff;--shadow:none}
 body{font-size:10.5pt}.filter,.theme,.keys,.permalink,.skip{display:none!important}
 main,.bar,footer{max-width:none;padding-left:0;padding-right:0}
 h2,h3,.finding>header{break-after:avoid}.big{font-size:4.4rem}
 .card{break-inside:auto}.finding>header,.frame,.advice,.lifecycle,.outcome{break-inside:avoid}
 .code li{white-space:pre-wrap;min-width:0}.code .steps{flex:none;display:flex;gap:2px;align-items:center;justify-content:flex-end;min-width:34px;padding-right:7px}
.code code{white-space:pre-wrap;overflow-wrap:anywhere}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}`
