#!/usr/bin/env node
import { join } from 'node:path';
import { root, runOnNode } from './bootstrap.mjs';

// The channel tells the other process when this one is killed.
runOnNode(['--disable-warning=ExperimentalWarning', join(root, 'engine/cli/main.ts'), ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
