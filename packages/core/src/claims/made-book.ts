/** The book that was made last, and what it stands on. */

import type { Book, DomainId, HostCapacity, HostLoad } from '../model/model.ts';

/**
 * The last book, and what it follows from. The load stands for the claims, their rows and their traits: whoever changes
 * one of them has it added up anew.
 */
export type MadeBook = Readonly<{
  book: Book;
  /** The domains offered. */
  offered: readonly DomainId[];
  load: HostLoad;
  capacity: HostCapacity;
  /** Of the register here and of what is known of others: where partners are held. */
  registrations: number;
  placings: number;
  /** How many hosts were known to stand somewhere; null where no partner was left out because its holder is none of them. */
  placesKnown: number | null;
}>;
