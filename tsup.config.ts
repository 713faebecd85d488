import { defineConfig, type Options } from 'tsup';

/** What users import. The command is not one of them: it has no types and no CommonJS form. */
const entry = { index: 'src/index.ts', testing: 'src/testing.ts' };

// `clean` stays off: several builds run at once, and the one that starts last would delete what the others wrote.
// scripts/build.mjs removes dist before it starts.
const common: Options = {
  outDir: 'dist',
  target: 'node20',
  platform: 'node',
  // one copy of what the entries share, so that an error of `zk-conn/testing` is `instanceof` a class of `zk-conn`
  splitting: true,
  clean: false,
};
// what is built stays readable, line by line: source maps and the sources they need would be more than half of the package
const code: Options = { ...common, treeshake: true };

export default defineConfig([
  { ...code, entry: { ...entry, cli: 'src/cli.ts' }, format: ['esm'] },
  { ...code, entry, format: ['cjs'] },
  // what is marked @internal is for this package alone
  { ...common, entry, format: ['esm', 'cjs'], dts: { only: true, compilerOptions: { stripInternal: true } } },
]);
