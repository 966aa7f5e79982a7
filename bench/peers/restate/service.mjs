// The service that Restate calls: node service.mjs HOST:PORT held|quick
import * as restate from "@restatedev/restate-sdk";
import {createServer} from "node:http2";

const [address, partner] = process.argv.slice(2);
const [host, port] = address.split(":");
const forever = new Promise(() => {});

const transactions = restate.service({
  name: "transactions",
  handlers: {submit: async () => (partner === "held" ? forever : "completed")},
});

createServer(restate.createEndpointHandler({services: [transactions]})).listen(Number(port), host);
