export {}
//# sourceMappingURL=connect.js.map
