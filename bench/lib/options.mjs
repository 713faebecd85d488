/** The options of `npm run bench`. What is wrong with them is said before anything is built or measured. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `npm run bench -- [options]

  --quick              the cells that the targets need, fewer and shorter rounds
  --only REGEXP        of the parts calls and real, the cells whose name matches; the other parts have no cells
  --parts A,B          of calls, tracing, real, watches, mini, size; all of them, if it is left out
  --rounds N, --ms N   how many rounds there are, and how long each is
  --no-peers           without other clients
  --also NAME=FOLDER   another build of ours beside it: a folder like dist
  --write-docs         writes docs/performance.md, its chart, and bench/results.json, of all parts and cells
  --list               prints the names of the cells
  --help               prints this`;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  parts: { type: 'string' },
  rounds: { type: 'string' },
  ms: { type: 'string' },
  'no-peers': { type: 'boolean', default: false },
  also: { type: 'string', multiple: true, default: [] },
  'write-docs': { type: 'boolean', default: false },
  // for `npm run bench`, which has to build first
  build: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

/** Ends the process where there is nothing to measure: with 0 if it was asked for that, with 2 if an option is no good. */
export function optionsOf(args, allParts, cells) {
  const values = parsed(args);
  if (values.help) end(USAGE);
  if (values.list) end(listOf(cells));
  const parts = values.parts === undefined ? allParts : values.parts.split(',');
  for (const part of parts) {
    if (!allParts.includes(part)) refuse(`there is no part ${part}, but ${allParts.join(', ')}`);
  }
  const { quick } = values;
  const leavesOut = ['only', 'parts', 'no-peers'].find((name) => values[name]);
  if (values['write-docs'] && leavesOut !== undefined) {
    refuse(`--write-docs writes the whole page, and --${leavesOut} would leave out some of it`);
  }
  return {
    quick,
    only: cellsLike(values.only, { quick, parts, cells }),
    parts,
    rounds: count('rounds', values.rounds, quick ? 7 : 13),
    ms: count('ms', values.ms, quick ? 100 : 200),
    peers: !values['no-peers'],
    also: values.also.map(buildOf),
    writesDocs: values['write-docs'],
    build: values.build,
  };
}

function buildOf(text) {
  const [, folder] = /^[^=]+=(.+)$/.exec(text) ?? refuse(`--also ${text} is not NAME=FOLDER`);
  if (!fs.existsSync(path.join(folder, 'index.js'))) refuse(`--also ${text}: there is no index.js in it`);
  return text;
}

function parsed(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function count(name, text, otherwise) {
  if (text === undefined) return otherwise;
  const n = Number(text);
  return Number.isInteger(n) && n > 0 ? n : refuse(`--${name} ${text} is no whole number above 0`);
}

/** @returns the expression, if a cell of these parts matches it */
function cellsLike(text, { quick, parts, cells }) {
  if (text === undefined) return /(?:)/;
  let only;
  try {
    only = new RegExp(text);
  } catch (error) {
    return refuse(`--only: ${error.message}`);
  }
  const named = cells.filter(({ name }) => only.test(name));
  if (named.length === 0) refuse(`no cell has a name like ${text}; --list prints them all`);
  const inParts = named.filter(({ real }) => parts.includes('calls') || (parts.includes('real') && real));
  if (inParts.length === 0) refuse(`no cell like ${text} is in the parts ${parts.join(', ')}`);
  if (quick && !inParts.some((cell) => cell.quick)) refuse(`--quick leaves out all cells like ${text}`);
  return only;
}

function listOf(cells) {
  const width = Math.max(...cells.map(({ name }) => name.length));
  const line = ({ name, quick, real }) => {
    const where = [quick && '--quick too', real && 'on servers that work too'].filter(Boolean);
    return `${name.padEnd(width)}  ${where.join(', ')}`.trimEnd();
  };
  return cells.map(line).join('\n');
}

function end(text) {
  console.log(text);
  process.exit(0);
}

function refuse(why) {
  console.error(`${why}\n(\`npm run bench -- --help\` lists the options)`);
  process.exit(2);
}
