/** What the package exports, types included, as the compiler sees it. */
import ts from 'typescript';
import { pathOf } from './pages.js';

/** Compiler options of the repository. */
export function compilerOptions(): ts.CompilerOptions {
  const file = ts.readConfigFile(pathOf('tsconfig.json'), (name) => ts.sys.readFile(name));
  return ts.parseJsonConfigFileContent(file.config, ts.sys, pathOf('.')).options;
}

export interface Surface {
  readonly exportedNames: readonly string[];
  /** Public members of `Conn`, inherited ones included. */
  readonly connMembers: readonly string[];
}

/** The surface of an entry of the package, such as `src/index.ts`. */
export function surfaceOf(entry: string): Surface {
  const program = ts.createProgram([pathOf(entry)], compilerOptions());
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(pathOf(entry));
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${entry} is no module`);
  const exported = checker.getExportsOfModule(module);
  const conn = exported.find((symbol) => symbol.name === 'Conn');
  return {
    exportedNames: exported.map((symbol) => symbol.name),
    connMembers: conn === undefined ? [] : publicMembers(checker, conn),
  };
}

function publicMembers(checker: ts.TypeChecker, exported: ts.Symbol): readonly string[] {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter((member) =>
      (member.declarations ?? []).every((node) => (ts.getCombinedModifierFlags(node) & hidden) === 0),
    )
    .map((member) => member.name.replace(/^__@(\w+?)@\d+$/, '[Symbol.$1]'));
}
