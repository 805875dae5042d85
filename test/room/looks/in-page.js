/* Runs in the page: looks for what a person would call broken about a screen, whatever is on it. */
globalThis.inspectRoom = () => {
  const found = [];
  const anyPointer = document.createElement('style');
  // What lets the pointer through is seen all the same.
  anyPointer.textContent = '* { pointer-events: auto !important }';
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(anyPointer.textContent);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  try {
    const texts = visibleTexts(found);
    overlaps(texts, found);
    targets(found);
    placeholders(found);
    halt(found);
  } finally {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  }
  return [...new Set(found)];
};

/** Resolves when the fonts are there and the screen was the same four times, 80 ms apart. */
globalThis.atRest = async () => {
  await document.fonts.ready;
  let before = '';
  for (let same = 0, tries = 0; same < 3 && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 80));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = [...document.body.querySelectorAll('*')].map((one) => Object.values(one.getBoundingClientRect().toJSON()).map(Math.round).join()).join() + document.body.innerText;
    same = now === before ? same + 1 : 0;
    before = now;
  }
};

/** Sums the layout shifts of the next `ms` milliseconds, but for those that follow a press. */
globalThis.shiftsOf = (ms) =>
  new Promise((resolve) => {
    let sum = 0;
    const places = [];
    const observer = new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries()) {
        if (hadRecentInput) continue;
        sum += value;
        places.push(...sources.map(({ node }) => (node === null ? '?' : nameOf(node.nodeType === 1 ? node : node.parentElement))));
      }
    });
    observer.observe({ type: 'layout-shift' });
    setTimeout(() => (observer.disconnect(), resolve({ sum, places: [...new Set(places)].slice(0, 8) })), ms);
  });

function nameOf(element) {
  const place = element.closest('[data-type], [role=dialog], [aria-label]');
  const words = [...element.classList].join('.');
  return `${element.localName}${words === '' ? '' : `.${words}`} in ${place?.dataset.type ?? place?.getAttribute('aria-label') ?? place?.localName ?? 'body'}`;
}
const hiddenFromEyes = (element) => {
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return true;
  for (let at = element; at !== null; at = at.parentElement) {
    const { clipPath, clip } = getComputedStyle(at);
    const { width, height } = at.getBoundingClientRect();
    if (clipPath.startsWith('inset(50%') || clip === 'rect(0px, 0px, 0px, 0px)' || clip === 'rect(1px, 1px, 1px, 1px)') return true;
    if (width <= 1 && height <= 1 && at.localName !== 'html' && getComputedStyle(at).overflow === 'hidden') return true;
  }
  return element.closest('#recharts_measurement_span') !== null;
};
const SCROLLS = new Set(['auto', 'scroll']);
const CLIPS = new Set(['hidden', 'clip']);
/** Whether a person can get at the whole of a text that is shortened by dots. */
const wholeIsTold = (element, text) => {
  for (let at = element; at !== null; at = at.parentElement) {
    const told = at.getAttribute('title') ?? '';
    if (told !== '' && (told.includes(text.replace(/\s+/g, ' ').trim()) || text.includes(told))) return true;
  }
  return false;
};

/** Every visible piece of text with the part of it that can be seen; tells what is cut on the way. */
function visibleTexts(found) {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    const text = node.data.trim();
    if (text === '' || ['SCRIPT', 'STYLE', 'OPTION', 'TEXTAREA'].includes(element.tagName) || hiddenFromEyes(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.height < 1) continue;
      const seen = seenPart(rect, element, text, found);
      if (seen === undefined) continue;
      if (!isSeen(element, seen)) continue;
      texts.push({ node, element, text, ...seen, layer: layerOf(element) });
    }
  }
  return texts;
}

/** Whether some of it is not behind something that one cannot look through. */
function isSeen(element, { left, top, right, bottom }) {
  return [0.05, 0.5, 0.95].some((share) => {
    for (const hit of document.elementsFromPoint(left + (right - left) * share, (top + bottom) / 2)) {
      if (hit.contains(element) || element.contains(hit)) return true;
      if (isOpaque(hit)) return false;
    }
    return false;
  });
}
const isOpaque = (element) => {
  const [, , , alpha = '1'] = getComputedStyle(element).backgroundColor.match(/[\d.]+/g) ?? [];
  return Number(alpha) > 0.5;
};

function seenPart({ left, top, right, bottom }, element, text, found) {
  const part = { left, top, right, bottom };
  // A font's box is taller than its letters: only what cuts into letters counts.
  const slack = { x: 1.5, y: (bottom - top) * 0.22 };
  const scrolls = { x: false, y: false };
  let fixed = false;
  for (let at = element; at !== null && at !== document.documentElement; at = at.parentElement) {
    const style = getComputedStyle(at);
    const box = at.getBoundingClientRect();
    if (style.display !== 'inline' && style.display !== 'contents' && at.namespaceURI !== 'http://www.w3.org/2000/svg')
      for (const [axis, low, high] of [['x', 'left', 'right'], ['y', 'top', 'bottom']]) {
        const overflow = style[axis === 'x' ? 'overflowX' : 'overflowY'];
        if (SCROLLS.has(overflow)) scrolls[axis] = true;
        if (!SCROLLS.has(overflow) && !CLIPS.has(overflow)) continue;
        const cut = part[low] < box[low] - slack[axis] || part[high] > box[high] + slack[axis];
        if (cut && !scrolls[axis]) {
          const dots = (axis === 'x' && style.textOverflow === 'ellipsis') || style.webkitLineClamp !== 'none';
          if (!dots) found.push(`cut: “${text.slice(0, 60)}” of ${nameOf(element)} by ${nameOf(at)}`);
          else if (!wholeIsTold(element, text)) found.push(`dots without a title: “${text.slice(0, 60)}” of ${nameOf(element)}`);
          scrolls[axis] = true;
        }
        part[low] = Math.max(part[low], box[low]);
        part[high] = Math.min(part[high], box[high]);
      }
    if (style.position === 'fixed') {
      fixed = true;
      break;
    }
  }
  const outside = (!scrolls.x && (part.left < -1 || part.right > innerWidth + 1)) || (!scrolls.y && (part.top < -1 || part.bottom > innerHeight + 1));
  if (outside) found.push(`outside${fixed ? ' (fixed)' : ''}: “${text.slice(0, 60)}” of ${nameOf(element)}`);
  return part.right - part.left < 1 || part.bottom - part.top < 1 ? undefined : part;
}

const layerOf = (element) => {
  for (let at = element; at !== null; at = at.parentElement) {
    const { position } = getComputedStyle(at);
    if (position === 'fixed' || position === 'sticky' || at.getAttribute('role') === 'dialog') return at;
  }
  return document.body;
};

function overlaps(texts, found) {
  const shrunk = texts.map(({ left, top, right, bottom, ...rest }) => ({ ...rest, left, right, top: top + (bottom - top) * 0.22, bottom: bottom - (bottom - top) * 0.22 }));
  for (let i = 0; i < shrunk.length; i++)
    for (let j = i + 1; j < shrunk.length; j++) {
      const [a, b] = [shrunk[i], shrunk[j]];
      if (a.node === b.node || a.layer !== b.layer) continue;
      const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      if (wide > 1 && high > 1) found.push(`overlap: “${a.text.slice(0, 40)}” and “${b.text.slice(0, 40)}” in ${nameOf(a.element)}`);
    }
}

/** WCAG 2.2, 2.5.8: at least 24 by 24, but for links within a sentence. */
function targets(found) {
  for (const element of document.querySelectorAll('button, a[href], input, select, textarea, summary, [role=button], [role=tab], [role=menuitem], [role=option], [role=switch], [role=checkbox]')) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const { width, height } = element.getBoundingClientRect();
    const inSentence = element.localName === 'a' && getComputedStyle(element).display === 'inline';
    const label = element.localName === 'input' ? element.closest('label')?.getBoundingClientRect() : undefined;
    if (width <= 1 || inSentence || getComputedStyle(element).opacity === '0' && element.localName === 'input') continue;
    if (Math.max(width, label?.width ?? 0) < 23.5 || Math.max(height, label?.height ?? 0) < 23.5) found.push(`small target ${width.toFixed(0)}x${height.toFixed(0)}: ${element.getAttribute('aria-label') ?? element.textContent.slice(0, 30)} (${nameOf(element)})`);
  }
}

/** A hint in an empty field must be readable to its end. */
function placeholders(found) {
  const pen = document.createElement('canvas').getContext('2d');
  for (const field of document.querySelectorAll('input[placeholder]')) {
    if (field.value !== '' || !field.checkVisibility()) continue;
    const style = getComputedStyle(field);
    pen.font = style.font;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (pen.measureText(field.placeholder).width > room + 1) found.push(`cut placeholder: ${field.placeholder} (${nameOf(field)})`);
  }
}

function halt(found) {
  const button = document.querySelector('[data-halt] button[aria-keyshortcuts]');
  if (button === null) return void found.push('HALT is not there');
  const { left, top, width, height } = button.getBoundingClientRect();
  for (const [x, y] of [[0.5, 0.5], [0.03, 0.5], [0.97, 0.5], [0.5, 0.06], [0.5, 0.94]]) {
    const hit = document.elementFromPoint(left + width * x, top + height * y);
    if (!button.contains(hit)) return void found.push(`HALT is covered by ${hit === null ? 'nothing: it is outside' : nameOf(hit)}`);
  }
}
