#!/usr/bin/env node
import { join } from 'node:path';
import { root, runOnNode } from './bootstrap.mjs';

runOnNode(['--disable-warning=ExperimentalWarning', join(root, 'engine/cli/main.ts'), ...process.argv.slice(2)]);
