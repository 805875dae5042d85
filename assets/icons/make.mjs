// Renders the icons from the two drawings beside this file: node assets/icons/make.mjs. Needs Chromium; the results are kept.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
const page = await browser.newPage();

/** A drawing as a PNG with a transparent ground. */
async function render(drawing, size) {
  await page.setViewportSize({ width: size, height: size });
  const source = Buffer.from(readFileSync(join(here, drawing))).toString('base64');
  await page.setContent(
    `<style>*{margin:0}img{display:block;width:${size}px;height:${size}px}</style><img src="data:image/svg+xml;base64,${source}">`,
  );
  await page.evaluate(() => document.images[0].decode());
  return page.screenshot({ omitBackground: true });
}

const png = new Map();
for (const size of SIZES) {
  png.set(size, await render('icon.svg', size));
  writeFileSync(join(here, `${size}x${size}.png`), png.get(size));
}
// macOS takes its colour from the menu bar when the name ends in Template.
writeFileSync(join(here, 'trayTemplate.png'), await render('tray.svg', 16));
writeFileSync(join(here, 'trayTemplate@2x.png'), await render('tray.svg', 32));
await browser.close();

writeFileSync(join(here, 'icon.ico'), ico([16, 24, 32, 48, 64, 128, 256]));
// The types that hold a PNG, with the size of each: Apple's Icon Composer format, macOS 10.7 and later.
writeFileSync(
  join(here, 'icon.icns'),
  icns([
    ['ic11', 32],
    ['ic12', 64],
    ['ic07', 128],
    ['ic13', 256],
    ['ic08', 256],
    ['ic14', 512],
    ['ic09', 512],
    ['ic10', 1024],
  ]),
);

/** ICONDIR and its entries, each a whole PNG (Windows Vista and later). */
function ico(sizes) {
  const head = Buffer.alloc(6 + 16 * sizes.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(sizes.length, 4);
  let offset = head.length;
  sizes.forEach((size, index) => {
    const at = 6 + 16 * index;
    // 0 stands for 256.
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(png.get(size).length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += png.get(size).length;
  });
  return Buffer.concat([head, ...sizes.map((size) => png.get(size))]);
}

function icns(types) {
  const parts = types.map(([type, size]) => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(png.get(size).length + 8, 4);
    return Buffer.concat([head, png.get(size)]);
  });
  const head = Buffer.alloc(8);
  head.write('icns', 'latin1');
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 8),
    4,
  );
  return Buffer.concat([head, ...parts]);
}
