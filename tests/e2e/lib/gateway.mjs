// gateway.mjs: starts a real gateway in a folder of its own, speaks to it by its commands, and ends it
// by its process id. Everything listens on loopback.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
export const binary = join(root, process.env.PORTREEVE_BUILD ?? 'build', 'portreeve');

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what, ask, milliseconds = 15000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await ask();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${milliseconds} ms in vain until ${what}`);
    await sleep(25);
  }
}

// Runs a command of the gateway; resolves to {code, stdout, stderr} whatever the code is.
export function run(args, { input, env } = {}) {
  return new Promise((resolve) => {
    const child = execFile(
      binary,
      args,
      { env: { ...process.env, ...env }, maxBuffer: 1 << 30, timeout: 300000 },
      (error, stdout, stderr) => resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr }),
    );
    child.stdin.on('error', () => {}); // A command that reads nothing may have ended by now.
    child.stdin.end(input ?? '');
  });
}

export class Gateway {
  // options: {programs, workers, settings (more lines of portreeve.yaml), listen, publicUrl (of a proxy in front), dir, secrets, wrap}
  static async create(options = {}) {
    const gateway = new Gateway();
    gateway.options = options;
    gateway.dir = options.dir ?? mkdtempSync(join(options.parent ?? tmpdir(), 'portreeve-'));
    gateway.port = options.port ?? (await freePort());
    gateway.scheme = options.scheme ?? 'http';
    gateway.url = `${gateway.scheme}://127.0.0.1:${gateway.port}`;
    gateway.settings = join(gateway.dir, 'portreeve.yaml');
    gateway.log = '';
    gateway.writeSettings();
    const made = await run(['init', '--dir', gateway.dir]);
    if (made.code !== 0) throw new Error(`init: ${made.stderr}`);
    return gateway;
  }

  static async start(options = {}) {
    const gateway = await Gateway.create(options);
    await gateway.serve();
    if (options.governance) await gateway.apply(options.governance);
    return gateway;
  }

  writeSettings() {
    const { programs = {}, settings = '', secrets = {}, listen } = this.options;
    // Sanitizer builds are run with three workers, so that what happens between workers happens.
    const count = this.options.workers ?? process.env.PORTREEVE_WORKERS;
    const workers = count ? `workers: ${count}\n` : '';
    mkdirSync(join(this.dir, 'secrets'), { recursive: true });
    for (const [name, value] of Object.entries(secrets))
      writeFileSync(join(this.dir, 'secrets', name), value, { mode: 0o600 });
    writeFileSync(
      this.settings,
      `listen: ${listen ?? JSON.stringify([`127.0.0.1:${this.port}`])}\n` +
        `public_url: ${this.options.publicUrl ?? this.url}\ndata_dir: ./data\nsecrets_dir: ./secrets\n` +
        `programs: ${JSON.stringify(programs)}\n${workers}${settings}\n`,
    );
  }

  // wrap: a command before the gateway, as ["strace", "-f", …].
  async serve({ ready = true } = {}) {
    const command = [...(this.options.wrap ?? []), binary, 'serve', '--settings', this.settings];
    this.child = spawn(command[0], command.slice(1), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.options.env },
    });
    this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve({ code, signal })));
    this.child.on('exit', () => (this.isGone = true));
    this.isGone = false;
    this.child.stderr.on('data', (chunk) => (this.log += chunk));
    if (ready) await this.untilReady();
  }

  async untilReady() {
    await until('the gateway is ready', async () => {
      if (this.isGone) throw new Error(`the gateway ended: ${this.log.slice(-2000)}`);
      return (await this.ready()) === 200;
    });
  }

  async ready() {
    try {
      return (await fetch(`${this.url}/readyz`)).status;
    } catch {
      return 0;
    }
  }

  async cli(...args) {
    return run([...args, '--settings', this.settings]);
  }

  // The command's standard output; throws when it fails.
  async ok(...args) {
    const result = await this.cli(...args);
    if (result.code !== 0) throw new Error(`portreeve ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  async apply(text) {
    const file = join(this.dir, 'governance.yaml');
    writeFileSync(file, text);
    return this.ok('apply', file);
  }

  async token(robot, ...args) {
    return (await this.ok('robot', 'token', robot, ...args)).trim();
  }

  // Entries as `audit search --json` prints them, newest order as the command gives it.
  async entries(...filters) {
    const out = await this.ok('audit', 'search', '--json', '--limit', '100000', ...filters);
    return out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  // Waits until the search shows at least this many entries.
  async untilEntries(count, ...filters) {
    return until(`${count} entries are found`, async () => {
      const found = await this.entries(...filters);
      return found.length >= count ? found : null;
    });
  }

  adminToken() {
    return readFileSync(join(this.dir, 'data', 'admin.token'), 'utf8').trim();
  }

  async stop(signal = 'SIGTERM') {
    if (!this.child || this.isGone) return this.exited;
    this.child.kill(signal);
    return this.exited;
  }

  // What a sanitizer has to say of the gateway fails the test that ran it.
  checkLog() {
    const report = this.log.match(/(ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:)[^]*/);
    if (report) throw new Error(`the gateway: ${report[0].slice(0, 6000)}`);
  }

  async remove() {
    await this.stop();
    this.checkLog();
    if (!this.options.dir) rmSync(this.dir, { recursive: true, force: true });
  }
}
