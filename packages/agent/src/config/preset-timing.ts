/**
 * Presets have a timing of their own: what the file does not say about it follows from `preset`. Works
 * on what was read, before the schema fills in its defaults and says what is wrong with the rest.
 */

import { PRESETS, type PresetName, presetTiming } from '@barter/core';

export function withPresetTiming(value: unknown): unknown {
  if (!isSection(value)) return value;
  const name = PRESETS.find((preset: PresetName) => preset === value.preset);
  const { trading = {} } = value;
  if (name === undefined || name === 'default' || !isSection(trading)) return value;
  const { settleAfterMs, cooldownMs } = presetTiming(name);
  return {
    ...value,
    trading: {
      settleAfterSeconds: settleAfterMs / 1000,
      cooldownSeconds: cooldownMs / 1000,
      ...trading,
    },
  };
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
