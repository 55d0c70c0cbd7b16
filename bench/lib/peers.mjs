// The contestants of npm run bench:peers: how each is found, installed and started.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { allThreads, isNative } from './engine.mjs'
import { counted } from './options.mjs'
import { runJson } from './rounds.mjs'

const file = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const PEERS = file('peers')
const counts = [...new Set([1, allThreads])]

/** name, group, threads (undefined: the peer's own choice), samples for about 4 seconds, how to start it */
function contestants() {
  const lanewise = (backend, threads, samples) => ({
    name: `lanewise ${backend}, ${counted(threads, 'thread')}`,
    group: 'lanewise',
    kind: 'lanewise',
    backend,
    threads,
    samples,
  })
  const javascript = (name, samples, script, ...args) => ({
    name,
    group: 'JavaScript',
    kind: 'js',
    samples,
    script,
    args,
  })
  const python = (name, threads, samples, module, script, args = [], env = {}) => ({
    name: `${name}, ${counted(threads, 'thread')}`,
    group: 'Python',
    kind: 'python',
    threads,
    samples,
    module,
    script,
    args,
    env,
  })
  const keras = (name, samples, backend, stepsPerCall) =>
    python(name, allThreads, samples, 'keras', 'keras_peer.py', [String(stepsPerCall)], { KERAS_BACKEND: backend })
  const onAll = (make) => counts.map(make)
  return [
    ...(isNative ? onAll((n) => lanewise('native', n, 1_500_000)) : []),
    lanewise('js', 1, 60_000),
    javascript('TensorFlow.js wasm', 20_000, 'tfjs.mjs', 'wasm'),
    javascript('TensorFlow.js cpu', 5_000, 'tfjs.mjs', 'cpu'),
    javascript('jax-js wasm', 60_000, 'jax-js.mjs'),
    javascript('ml-matrix', 8_000, 'ml-matrix.mjs'),
    javascript('brain.js', 4_000, 'brain.mjs'),
    ...onAll((n) => python('NumPy', n, 480_000, 'numpy', 'numpy_peer.py')),
    ...onAll((n) => python('JAX', n, 900_000, 'jax', 'jax_peer.py')),
    ...onAll((n) => python('PyTorch eager', n, 150_000, 'torch', 'torch_peer.py', ['eager'])),
    python('PyTorch compile', 1, 300_000, 'torch', 'torch_peer.py', ['compile']),
    keras('Keras on JAX', 300_000, 'jax', 1),
    keras('Keras on TensorFlow', 60_000, 'tensorflow', 1),
    keras('Keras on TensorFlow, 50 steps a call', 120_000, 'tensorflow', 50),
  ]
}

/** Installs the JavaScript peers where they are missing; why that failed, or undefined. */
function install() {
  if (fs.existsSync(path.join(PEERS, 'node_modules', '.package-lock.json'))) return undefined
  console.error('installing the JavaScript peers into bench/peers/node_modules (about 320 MB)')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const options = { cwd: PEERS, encoding: 'utf8', shell: process.platform === 'win32' }
  const { status, stderr, error } = spawnSync('npm', args, options)
  return status === 0 ? undefined : `npm ci failed: ${(error?.message ?? stderr ?? '').trim().split('\n')[0]}`
}

/** Which of the modules this Python can import, or { error }. */
function pythonModules(command, modules) {
  const program =
    'import importlib.util as u, json, sys; print(json.dumps({m: u.find_spec(m) is not None for m in sys.argv[1:]}))'
  return runJson(command, ['-c', program, ...modules])
}

function start(peer, task, python) {
  const { kind, script, args, threads } = peer
  if (kind === 'lanewise') {
    const env = { LANEWISE_BACKEND: peer.backend, LANEWISE_THREADS: String(threads) }
    return runJson(process.execPath, [file('trainer.mjs'), JSON.stringify({ ...task, evaluate: true })], env)
  }
  if (kind === 'js') return runJson(process.execPath, [path.join(PEERS, script), JSON.stringify(task), ...args])
  const env = {
    ...Object.fromEntries(['OMP', 'OPENBLAS', 'MKL'].map((library) => [`${library}_NUM_THREADS`, String(threads)])),
    PYTHONDONTWRITEBYTECODE: '1',
    OPENBLAS_CORETYPE: undefined, // set for another machine, it would slow NumPy
    JAX_PLATFORMS: 'cpu',
    CUDA_VISIBLE_DEVICES: '',
    TF_CPP_MIN_LOG_LEVEL: '3',
    ...peer.env,
  }
  return runJson(python, [path.join(PEERS, 'python', script), JSON.stringify({ ...task, threads }), ...args], env)
}

/**
 * The wanted peers as entries for takeTurns, each with `skip`, the reason, where it cannot run.
 * @param job the network, its batch and optimizer
 * @param samplesOf how many samples a peer trains on
 */
export async function findPeers({ wants, python, data, job, samplesOf }) {
  const wanted = contestants().filter(({ name }) => wants(name))
  const missing = wanted.some(({ kind }) => kind === 'js') ? install() : undefined
  const modules = [...new Set(wanted.flatMap(({ module }) => module ?? []))]
  const found = modules.length > 0 ? await pythonModules(python, modules) : {}
  return wanted.map((peer) => {
    const samples = samplesOf(peer)
    const warmUp = Math.min(samples, 20 * job.batch)
    const entry = { ...peer, measure: () => start(peer, { ...job, data, samples, warmUp }, python) }
    if (peer.kind === 'js' && missing) entry.skip = missing
    if (peer.script === 'brain.mjs' && job.activation !== 'sigmoid')
      entry.skip = 'its activation is also that of the output'
    if (peer.module && found.error) entry.skip = `${python} does not run: ${found.error}`
    else if (peer.module && !found[peer.module]) entry.skip = `${python} has no module ${peer.module} (see --python)`
    return entry
  })
}
