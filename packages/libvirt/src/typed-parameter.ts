/**
 * virTypedParameter: named values of seven types, in which libvirt sends statistics and takes the
 * settings of a migration. A type this client does not know has an unknown length, so the rest of its
 * message cannot be read: that call fails, and the connection goes on.
 */

import { XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

/** 64-bit numbers are `bigint`, whatever their value. */
export type TypedValue = number | bigint | boolean | string;
export type TypedParameters = ReadonlyMap<string, TypedValue>;

export type TypedParameter = Readonly<
  | { name: string; type: 'int' | 'uint' | 'double'; value: number }
  | { name: string; type: 'llong' | 'ullong'; value: bigint }
  | { name: string; type: 'boolean'; value: boolean }
  | { name: string; type: 'string'; value: string }
>;

const types = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const;

/** A name (its length word at least), a type and a value of four bytes. */
const parameterBytesMin = 12;
const nameBytesMax = 1024;

export function writeTypedParameters(
  writer: XdrWriter,
  parameters: readonly TypedParameter[],
): void {
  writer.array(parameters, (parameter) => {
    writer.string(parameter.name).int(types[parameter.type]);
    switch (parameter.type) {
      case 'int':
        writer.int(parameter.value);
        break;
      case 'uint':
        writer.uint(parameter.value);
        break;
      case 'double':
        writer.double(parameter.value);
        break;
      case 'llong':
        writer.hyper(parameter.value);
        break;
      case 'ullong':
        writer.uhyper(parameter.value);
        break;
      case 'boolean':
        writer.boolean(parameter.value);
        break;
      case 'string':
        writer.string(parameter.value);
        break;
    }
  });
}

/** Of parameters with the same name the last one wins. */
export function readTypedParameters(reader: XdrReader, countMax: number): TypedParameters {
  const pairs = reader.array(countMax, parameterBytesMin, (): [string, TypedValue] => [
    reader.string(nameBytesMax),
    readValue(reader),
  ]);
  return new Map(pairs);
}

function readValue(reader: XdrReader): TypedValue {
  const type = reader.int();
  switch (type) {
    case types.int:
      return reader.int();
    case types.uint:
      return reader.uint();
    case types.llong:
      return reader.hyper();
    case types.ullong:
      return reader.uhyper();
    case types.double:
      return reader.double();
    case types.boolean:
      return reader.boolean();
    case types.string:
      return reader.string();
    default:
      throw new XdrError(`typed parameter of unknown type ${type}`);
  }
}

/** A parameter as a number, whatever its numeric type; undefined when it is absent or not one. */
export function numberOf(parameters: TypedParameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' ? Number(value) : undefined;
}

export function stringOf(parameters: TypedParameters, name: string): string | undefined {
  const value = parameters.get(name);
  return typeof value === 'string' ? value : undefined;
}

export function booleanOf(parameters: TypedParameters, name: string): boolean | undefined {
  const value = parameters.get(name);
  return typeof value === 'boolean' ? value : undefined;
}
