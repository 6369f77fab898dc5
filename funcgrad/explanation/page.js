// The script of the page of an evaluation: steps, boxes that open, ways through a wire.
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const figures = [...document.querySelectorAll('figure')];
const still = matchMedia('(prefers-reduced-motion: reduce)');
let view = 0, t = 0, timer = 0, steps = [];

const edges = () => [...figures[view].querySelectorAll('.edge')];
const nodes = () => [...figures[view].querySelectorAll('.node')];

for (const figure of figures) for (const edge of figure.querySelectorAll('.edge')) {
  const hit = edge.querySelector('.wire').cloneNode();
  hit.setAttribute('class', 'hit');
  edge.append(hit);
}
for (const node of document.querySelectorAll('.node')) node.setAttribute('role', 'button');

function show(number) {
  stop();
  view = number;
  figures.forEach((f, i) => f.hidden = i !== view);
  const sorted = edges().sort((a, b) => a.dataset.order - b.dataset.order);
  const back = sorted.filter(e => e.querySelector('.bw')).reverse();
  steps = [...sorted.map(e => [e, 'fw']), ...back.map(e => [e, 'bw'])];
  t = steps.length;
  $('at').max = steps.length;
  way();
  about(-1);
  draw();
}

function way() {
  const path = [];
  for (let v = view; v >= 0; v = data[v].parent) path.unshift(v);
  $('way').replaceChildren();
  if (path.length < 2) return;
  path.forEach((v, i) => {
    if (i) $('way').append(' \u203a ');
    if (v === view) { $('way').append(data[v].name); return; }
    const button = document.createElement('button');
    button.textContent = data[v].name;
    button.onclick = () => show(v);
    $('way').append(button);
  });
}

function draw() {
  const seen = new Set(steps.slice(0, t).map(([e, k]) => e.dataset.k + k));
  for (const e of edges()) {
    e.classList.remove('now', 'bwd');
    e.querySelector('.fw')?.classList.toggle('later', !seen.has(e.dataset.k + 'fw'));
    for (const q of ['.bw', '.back'])
      e.querySelector(q)?.classList.toggle('later', !seen.has(e.dataset.k + 'bw'));
  }
  $('at').value = t;
  if (t === 0 || t === steps.length) { $('say').textContent = t ? '' : 'before the first step'; return; }
  const [edge, kind] = steps[t - 1], forward = kind === 'fw';
  edge.classList.add('now');
  edge.classList.toggle('bwd', !forward);
  const list = data[view].nodes;
  const from = list[edge.dataset.from].name, to = list[edge.dataset.to].name;
  const text = edge.querySelector(forward ? '.fw' : '.bw')?.textContent ?? '';
  $('say').textContent = `${forward ? 'forward' : 'backward'}, step ${t} of ${steps.length}: `
    + (forward ? `${from} \u2192 ${to}` : `${to} \u2192 ${from}`) + (text ? `: ${text}` : '');
  edge.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: still.matches ? 'auto' : 'smooth'});
}

function go(to) { t = Math.max(0, Math.min(steps.length, to)); draw(); }
function stop() {
  clearInterval(timer); timer = 0;
  $('play').textContent = '\u25b6 play'; $('play').setAttribute('aria-pressed', 'false');
}
function play() {
  if (timer) return stop();
  if (t === steps.length) go(0);
  $('play').textContent = '\u275a\u275a pause'; $('play').setAttribute('aria-pressed', 'true');
  timer = setInterval(() => t < steps.length ? go(t + 1) : stop(), 450);
}
$('reset').onclick = () => { stop(); go(0); };
$('back').onclick = () => { stop(); go(t - 1); };
$('step').onclick = () => { stop(); go(t + 1); };
$('play').onclick = play;
$('at').oninput = () => { stop(); go(+$('at').value); };
$('theme').onclick = () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
};

function row(list, what, text) {
  if (!text) return;
  const dt = document.createElement('dt'), dd = document.createElement('dd');
  dt.textContent = what; dd.textContent = text; list.append(dt, dd);
}
function about(n) {
  nodes().forEach(g => g.classList.toggle('chosen', +g.dataset.n === n));
  const box = $('about');
  box.hidden = n < 0;
  if (n < 0) return;
  const node = data[view].nodes[n];
  box.replaceChildren();
  const head = document.createElement('h2');
  head.textContent = node.name;
  box.append(head);
  if (node.code) {
    const code = document.createElement('code');
    code.textContent = node.code;
    box.append(code);
  }
  const list = document.createElement('dl');
  row(list, 'operation', node.operation);
  row(list, 'line', node.line);
  row(list, 'value', node.value);
  row(list, 'gradient', node.gradient);
  (node.slopes ?? []).forEach((s, i) => row(list, `local derivative ${i + 1}`, s));
  row(list, 'raised', node.error);
  box.append(list);
  if (node.opens !== undefined) {
    const button = document.createElement('button');
    button.id = 'open';
    button.textContent = 'open the box';
    button.onclick = () => { show(node.opens); figures[view].focus(); };
    box.append(button);
  }
}

function path(edge) {
  const all = edges(), on = new Set([edge]), boxes = new Set();
  const walk = (from, end, start) => {
    const todo = [from], seen = new Set(todo);
    while (todo.length) {
      const n = todo.pop(); boxes.add(n);
      for (const e of all) if (e.dataset[end] === n) {
        on.add(e);
        if (!seen.has(e.dataset[start])) { seen.add(e.dataset[start]); todo.push(e.dataset[start]); }
      }
    }
  };
  walk(edge.dataset.from, 'to', 'from');
  walk(edge.dataset.to, 'from', 'to');
  const svg = edge.ownerSVGElement;
  svg.classList.add('path');
  all.forEach(e => e.classList.toggle('on', on.has(e)));
  nodes().forEach(g => g.classList.toggle('on', boxes.has(g.dataset.n)));
}
for (const figure of figures) {
  const svg = figure.querySelector('svg');
  figure.addEventListener('mouseover', e => {
    const edge = e.target.closest('.edge');
    if (edge) path(edge); else svg.classList.remove('path');
  });
  figure.addEventListener('mouseleave', () => svg.classList.remove('path'));
  figure.addEventListener('click', e => {
    const node = e.target.closest('.node');
    about(node ? +node.dataset.n : -1);
  });
  figure.addEventListener('dblclick', e => {
    const node = e.target.closest('.node'), opens = node && data[view].nodes[node.dataset.n].opens;
    if (opens !== undefined && opens !== null) show(opens);
  });
}
addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const node = e.target.closest?.('.node'), free = !e.target.closest?.('button, input');
  if (node && (e.key === 'Enter' || e.key === ' ')) {
    const n = +node.dataset.n, opens = data[view].nodes[n].opens;
    if (node.classList.contains('chosen') && opens !== undefined) show(opens); else about(n);
    e.preventDefault();
    return;
  }
  if (e.target.id === 'at' && e.key.startsWith('Arrow')) return;
  const keys = {
    ArrowRight: () => $('step').click(), ArrowLeft: () => $('back').click(),
    Home: () => $('reset').click(), End: () => { stop(); go(steps.length); }, d: () => $('theme').click(),
    Escape: () => $('about').hidden ? data[view].parent >= 0 && show(data[view].parent) : about(-1),
    ...(free ? {' ': play} : {}),
  };
  if (keys[e.key]) { keys[e.key](); e.preventDefault(); }
});
const asked = new URLSearchParams(location.search);
if (asked.get('theme')) document.documentElement.dataset.theme = asked.get('theme');
show(0);
if (asked.get('t')) go(+asked.get('t'));
