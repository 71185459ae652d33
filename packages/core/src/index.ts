export * from './assert.ts';
export * from './message.ts';
export * from './model.ts';
export * from './ports.ts';
export * from './record.ts';
